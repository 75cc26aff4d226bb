"""The people of the demo marketplace: one for each way of seeing it, and a crowd of others."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from gateway.db import tables
from gateway.demo.marketplace.rows import Rows


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    username: str
    first: str
    last: str
    traits: dict[str, Any] = field(default_factory=dict)


DEMO = (
    Person("staff", "Ingrid", "Solheim", {"is_staff": True}),
    Person("support", "Marek", "Dvorsky", {"is_support": True}),
    Person("owner", "Helena", "Vantaa"),
    Person("manager", "Tomas", "Eklund"),
    Person("admin", "Priya", "Raman"),
    Person("member", "Jonas", "Lillemo"),
    Person("provider", "Astrid", "Norberg"),
    Person("service_manager", "Bruno", "Castell"),
    Person("reader", "Wanda", "Zielska"),
    Person("dual", "Felix", "Okonjo"),
    Person("expired", "Nils", "Harrow"),
    Person("revoked", "Carla", "Mendoza"),
    Person("inactive", "Olaf", "Breivik", {"is_active": False}),
    Person("nobody", "Mira", "Stone"),
    Person("resource_user", "Yuki", "Amano"),
    Person("short_lived", "Petra", "Quick", {"token_lifetime": 3600}),
)
"""Those whose tokens `gateway tokens` prints; the marketplace tells who they are by their roles."""

NEWER = (
    Person("signe.hauge", "Signe", "Hauge", {"personal_title": "Dr.", "gender": 2}),
    Person("rasmus.veld", "Rasmus", "Veld", {"civil_number": "secret-number-1"}),
    Person("tuuli.oja", "Tuuli", "Oja", {"preferred_language": "et", "native_name": "Tuuli Oja"}),
    Person("registrar", "Anselm", "Korpi", {"is_identity_manager": True}),
    Person("departed", "Vera", "Lunde", {"is_active": False, "is_admin_deactivated": True}),
    Person("two_hats", "Idris", "Falk", {"is_staff": True, "is_support": True}),
)
"""Those who joined later."""
_FIRST = ("Aino", "Bela", "Cato", "Dagny", "Emil", "Freya", "Gunnar", "Hilde", "Ivo", "Jette")
_LAST = ("Aalberg", "Brandvik", "Corvin", "Dahlgren", "Estrada", "Fairbank", "Grønli", "Hollis")
_CROWD = 30


def add(rows: Rows) -> dict[str, int]:
    """Add everybody with a token each, and give their keys by username."""
    return {each.username: _add(rows, each) for each in (*DEMO, *_crowd())}


def join(rows: Rows, count: int) -> dict[str, int]:
    """Add those who joined later, and so many others."""
    others = (
        Person(f"{first}.{last}{number}".lower().replace("ø", "o"), first, last)
        for number in range(count)
        for first, last in [(rows.random.choice(_FIRST), rows.random.choice(_LAST))]
    )
    return {each.username: _add(rows, each) for each in chain(NEWER, others)}


def _crowd() -> Iterator[Person]:
    for i in range(_CROWD):
        first, last = _FIRST[i % len(_FIRST)], _LAST[(i * 3 + i // len(_FIRST)) % len(_LAST)]
        yield Person(f"{first}.{last}".lower().replace("ø", "o"), first, last)


def _add(rows: Rows, person: Person) -> int:
    joined = rows.ago(rows.random.randrange(800, 1000))
    key = rows.add(
        tables.user,
        **{"is_active": True, "preferred_language": "en", **person.traits},
        username=person.username,
        slug=person.username.replace("_", "-").replace(".", "-"),
        password="!",  # noqa: S106 - nobody can log in by password
        first_name=person.first,
        last_name=person.last,
        query_field=f"{person.first} {person.last}".lower(),
        email=f"{person.username}@example.org",
        job_title=rows.random.choice(("Researcher", "Engineer", "Coordinator", "")),
        organization="Vesterlund University" if rows.chance(0.3) else "",
        notifications_enabled=True,
        affiliations=["member"],
        registration_method="default",
        agreement_date=joined,
        date_joined=joined,
        modified=joined,
        last_sync=joined,
        **{name: [] for name in _LISTS},
    )
    rows.add(
        tables.token, key=f"{rows.random.getrandbits(160):040x}", created=rows.ago(0), user_id=key
    )
    return key


_LISTS = ("nationalities", "eduperson_assurance", "managed_isds", "active_isds")
