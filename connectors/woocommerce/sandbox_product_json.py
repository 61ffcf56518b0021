"""The stand-in's products and variations as REST v3 shows them: the same fields, types and date forms."""

from __future__ import annotations

import re
from typing import Any

from connectors.woocommerce.sandbox_json import gmt, links, local, meta_json
from connectors.woocommerce.sandbox_shop import Product, Shop

RELATED_MAX = 5
_PRICE = (
    '<span class="woocommerce-Price-amount amount"><bdi><span class="woocommerce-Price-currencySymbol">&euro;</span>'
    "{price}</bdi></span>"
)


def product_json(shop: Shop, product: Product, base: str = "", *, written: bool = False) -> dict[str, Any]:
    """A product or a variation; one just `written` also says how its address is made."""
    parent = shop.products.get(product.parent_id)
    shown = _common(shop, product, base)
    if parent is not None:
        path, up = f"products/{parent.id}/variations/{product.id}", f"products/{parent.id}"
        option = {"id": 0, "name": "Option", "slug": "option", "option": product.name}
        return shown | {"image": None, "attributes": [option], "_links": links(base, path, up=up)}
    shown |= _of_a_product(shop, product)
    if written:
        slug = _slug(product)
        shown |= {"permalink_template": f"{base}/product/%pagename%/", "generated_slug": slug}
    return shown | {"_links": links(base, f"products/{product.id}")}


def _common(shop: Shop, product: Product, base: str) -> dict[str, Any]:
    owner = shop.stock_owner(product)
    managed: bool | str = product.manages or ("parent" if owner is not None else False)
    return {
        "id": product.id,
        "name": product.name,
        "permalink": f"{base}/product/{_slug(product)}/",
        "date_created": local(product.created),
        "date_created_gmt": gmt(product.created),
        "date_modified": local(product.modified),
        "date_modified_gmt": gmt(product.modified),
        "type": product.type,
        "status": product.status,
        "description": "",
        "sku": product.sku,
        "global_unique_id": "",
        "price": product.price,
        "regular_price": product.price,
        "sale_price": "",
        "date_on_sale_from": None,
        "date_on_sale_from_gmt": None,
        "date_on_sale_to": None,
        "date_on_sale_to_gmt": None,
        "on_sale": False,
        "purchasable": bool(product.price),
        "virtual": False,
        "downloadable": False,
        "downloads": [],
        "download_limit": -1,
        "download_expiry": -1,
        "tax_status": "taxable",
        "tax_class": "parent" if product.parent_id else "",
        "manage_stock": managed,
        "stock_quantity": owner.quantity if owner else None,
        "stock_status": owner.stock_status if owner else product.stock_status,
        "backorders": product.backorders,
        "backorders_allowed": product.backorders != "no",
        "backordered": (owner or product).stock_status == "onbackorder",
        "low_stock_amount": None,
        "weight": "",
        "dimensions": {"length": "", "width": "", "height": ""},
        "shipping_class": "",
        "shipping_class_id": 0,
        "parent_id": product.parent_id,
        "menu_order": 0,
        "meta_data": meta_json(product.meta),
    }


def _of_a_product(shop: Shop, product: Product) -> dict[str, Any]:
    kin = (one.id for one in shop.products.values() if not one.parent_id and one.id != product.id)
    options = [shop.products[number].name for number in product.variation_ids]
    attribute = {"id": 0, "name": "Option", "slug": "option", "position": 0, "visible": True, "variation": True}
    return {
        "slug": _slug(product),
        "featured": False,
        "catalog_visibility": "visible",
        "short_description": "",
        "total_sales": 0,
        "external_url": "",
        "button_text": "",
        "sold_individually": False,
        "shipping_required": True,
        "shipping_taxable": True,
        "reviews_allowed": True,
        "average_rating": "0.00",
        "rating_count": 0,
        "upsell_ids": [],
        "cross_sell_ids": [],
        "purchase_note": "",
        "categories": [
            {"id": number, "name": shop.categories[number][0], "slug": shop.categories[number][1]}
            for number in product.categories
        ],
        "brands": [],
        "tags": [],
        "images": [],
        "attributes": [attribute | {"options": options}] if options else [],
        "default_attributes": [],
        "variations": list(product.variation_ids),
        "grouped_products": [],
        "price_html": _PRICE.format(price=product.price) if product.price else "",
        "related_ids": [number for number, _ in zip(kin, range(RELATED_MAX), strict=False)],
        "has_options": product.type == "variable",
        "post_password": "",
    }


def _slug(product: Product) -> str:
    return re.sub("[^a-z0-9]+", "-", product.name.lower()).strip("-") or f"product-{product.id}"
