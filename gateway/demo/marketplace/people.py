"""Users of the demo marketplace: one for each set of rights, and thirty others."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from gateway.db import tables
from gateway.demo.marketplace.rows import RowWriter


@dataclass(frozen=True)
class PersonSpec:
    """User of the marketplace."""

    username: str
    first_name: str
    last_name: str
    extra_columns: dict[str, Any] = field(default_factory=dict)


DEMO_PEOPLE = (
    PersonSpec("staff", "Ingrid", "Solheim", {"is_staff": True}),
    PersonSpec("support", "Marek", "Dvorsky", {"is_support": True}),
    PersonSpec("owner", "Helena", "Vantaa"),
    PersonSpec("manager", "Tomas", "Eklund"),
    PersonSpec("admin", "Priya", "Raman"),
    PersonSpec("member", "Jonas", "Lillemo"),
    PersonSpec("provider", "Astrid", "Norberg"),
    PersonSpec("service_manager", "Bruno", "Castell"),
    PersonSpec("reader", "Wanda", "Zielska"),
    PersonSpec("dual", "Felix", "Okonjo"),
    PersonSpec("expired", "Nils", "Harrow"),
    PersonSpec("revoked", "Carla", "Mendoza"),
    PersonSpec("inactive", "Olaf", "Breivik", {"is_active": False}),
    PersonSpec("nobody", "Mira", "Stone"),
    PersonSpec("resource_user", "Yuki", "Amano"),
    PersonSpec("short_lived", "Petra", "Quick", {"token_lifetime": 3600}),
)
"""Users with a role or flag each that decides what they see."""

NEWER_PEOPLE = (
    PersonSpec("signe.hauge", "Signe", "Hauge", {"personal_title": "Dr.", "gender": 2}),
    PersonSpec("rasmus.veld", "Rasmus", "Veld", {"civil_number": "secret-number-1"}),
    PersonSpec(
        "tuuli.oja", "Tuuli", "Oja", {"preferred_language": "et", "native_name": "Tuuli Oja"}
    ),
    PersonSpec("registrar", "Anselm", "Korpi", {"is_identity_manager": True}),
    PersonSpec("departed", "Vera", "Lunde", {"is_active": False, "is_admin_deactivated": True}),
    PersonSpec("two_hats", "Idris", "Falk", {"is_staff": True, "is_support": True}),
)
"""Users who joined later."""
_FIRST_NAMES = ("Aino", "Bela", "Cato", "Dagny", "Emil", "Freya", "Gunnar", "Hilde", "Ivo", "Jette")
_LAST_NAMES = (
    "Aalberg",
    "Brandvik",
    "Corvin",
    "Dahlgren",
    "Estrada",
    "Fairbank",
    "Grønli",
    "Hollis",
)
_CROWD_SIZE = 30


def add_people(writer: RowWriter) -> dict[str, int]:
    """Add the initial users, each with a token; return their keys by username."""
    people = {
        each.username: _add_person(writer, each) for each in (*DEMO_PEOPLE, *_generate_crowd())
    }
    with writer.use_random_stream("personal access tokens"):
        _add_personal_access_token(writer, people["owner"])
    return people


def add_newer_people(writer: RowWriter, count: int) -> dict[str, int]:
    """Add the named later users and `count` generated ones; return their keys by username."""
    generated_people = (
        PersonSpec(f"{first}.{last}{number}".lower().replace("ø", "o"), first, last)
        for number in range(count)
        for first, last in [(writer.random.choice(_FIRST_NAMES), writer.random.choice(_LAST_NAMES))]
    )
    return {
        each.username: _add_person(writer, each) for each in chain(NEWER_PEOPLE, generated_people)
    }


def _generate_crowd() -> Iterator[PersonSpec]:
    for index in range(_CROWD_SIZE):
        first_name, last_name = (
            _FIRST_NAMES[index % len(_FIRST_NAMES)],
            _LAST_NAMES[(index * 3 + index // len(_FIRST_NAMES)) % len(_LAST_NAMES)],
        )
        yield PersonSpec(
            f"{first_name}.{last_name}".lower().replace("ø", "o"), first_name, last_name
        )


def _add_person(writer: RowWriter, person: PersonSpec) -> int:
    joined_at = writer.days_ago(writer.random.randrange(800, 1000))
    user_id = writer.add_row(
        tables.user,
        **{"is_active": True, "preferred_language": "en", **person.extra_columns},
        username=person.username,
        slug=person.username.replace("_", "-").replace(".", "-"),
        password="!",  # noqa: S106 - Django's mark of an unusable password
        first_name=person.first_name,
        last_name=person.last_name,
        query_field=f"{person.first_name} {person.last_name}".lower(),
        email=f"{person.username}@example.org",
        job_title=writer.random.choice(("Researcher", "Engineer", "Coordinator", "")),
        organization="Vesterlund University" if writer.draw_chance(0.3) else "",
        notifications_enabled=True,
        affiliations=["member"],
        registration_method="default",
        agreement_date=joined_at,
        date_joined=joined_at,
        modified=joined_at,
        last_sync=joined_at,
        **{name: [] for name in _LIST_COLUMNS},
    )
    writer.add_row(
        tables.token,
        key=f"{writer.random.getrandbits(160):040x}",
        created=writer.days_ago(0),
        user_id=user_id,
    )
    return user_id


def _add_personal_access_token(writer: RowWriter, user_id: int) -> None:
    """Add a personal access token that has expired and that no text matches."""
    created_at = writer.days_ago(200)
    writer.add_row(
        tables.personal_access_token,
        name="Nightly report",
        created=created_at,
        modified=created_at,
        token_prefix="w_",  # noqa: S106 - what all such tokens begin with
        token_hash="0" * 64,
        scopes=["RESOURCE.SUBMIT_REPORT"],
        allowed_scopes=[],
        allowed_networks=[],
        expires_at=writer.days_ago(20),
        is_active=True,
        user_id=user_id,
    )


_LIST_COLUMNS = ("nationalities", "eduperson_assurance", "managed_isds", "active_isds")
