"""Questions are asked once per subject, and told oldest first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask, close, open_questions, question
from syncd.testkit.fake_clock import START_AT
from tests.support.store import Store, opened_store

DRIFT = Question(Topic.DRIFT, "ebay:1", "ebay:1 shows 5 and should show 3", START_AT)
LATER = START_AT + timedelta(hours=1)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A new store."""
    async with opened_store(store_url) as opened:
        yield opened


async def waiting(store: Store) -> list[Question]:
    """The open questions."""
    async with store.db.read() as conn:
        return await open_questions(conn)


async def test_a_question_asked_again_keeps_its_age(store: Store) -> None:
    """While it is open only the sentence changes: it has waited since it was first asked."""
    await store.writer.write(ask(DRIFT))
    await store.writer.write(ask(replace(DRIFT, sentence="now 6", asked_at=LATER)))
    assert await waiting(store) == [replace(DRIFT, sentence="now 6")]


async def test_a_question_asked_anew_is_as_young_as_it_is(store: Store) -> None:
    """After it was closed the same question is a new one: open, and asked now."""
    await store.writer.write(ask(DRIFT), close(Topic.DRIFT, "ebay:1", START_AT))
    assert await waiting(store) == []
    await store.writer.write(ask(replace(DRIFT, asked_at=LATER)))
    assert await waiting(store) == [replace(DRIFT, asked_at=LATER)]


async def test_closing_closes_one_question_and_only_once(store: Store) -> None:
    """Other topics and subjects stay open, and the moment it was first closed stays."""
    other = replace(DRIFT, topic=Topic.BRAKE)
    elsewhere = replace(DRIFT, subject="ebay:2")
    await store.writer.write(ask(DRIFT), ask(other), ask(elsewhere), close(Topic.DRIFT, "ebay:1", START_AT))
    await store.writer.write(close(Topic.DRIFT, "ebay:1", LATER), close(Topic.DRIFT, "never asked", LATER))
    assert await waiting(store) == [other, elsewhere]
    rows = await store.rows(select(question).where(question.c.closed_at.is_not(None)))
    assert [row["closed_at"] for row in rows] == [START_AT]


async def test_the_oldest_question_is_told_first(store: Store) -> None:
    """Order is by age, then by topic and subject, so that a list does not jump."""
    asked = [
        Question(Topic.REFUND, "b", "?", START_AT),
        Question(Topic.BRAKE, "c", "?", LATER),
        Question(Topic.REFUND, "a", "?", START_AT),
        Question(Topic.BRAKE, "a", "?", START_AT),
    ]
    await store.writer.write(*map(ask, asked))
    assert [(q.topic, q.subject) for q in await waiting(store)] == [
        (Topic.BRAKE, "a"),
        (Topic.REFUND, "a"),
        (Topic.REFUND, "b"),
        (Topic.BRAKE, "c"),
    ]
