"""Offerings that joined the demo marketplace later."""

from gateway.demo.marketplace import catalogue, newer_catalogue
from gateway.demo.marketplace.newer_catalogue import COMMON_GROUPS, SCHOLARLY_GROUPS
from gateway.demo.marketplace.offers import (
    ARCHIVED,
    DRAFT,
    FAIL_ORDERS_OPTION,
    PAUSED,
    UNAVAILABLE,
    OfferingSpec,
)
from gateway.demo.marketplace.questions import ALL_QUESTIONS

NEWER_OFFERING_SPECS = (
    OfferingSpec(
        "Nordlys AI cluster",
        newer_catalogue.ACCELERATORS,
        "aurora",
        60,
        groups=SCHOLARLY_GROUPS,
        age_spread_days=1,
        plugin_options={
            "service_provider_can_create_offering_user": True,
            "enable_provider_consumer_messaging": True,
            "enable_purchase_order_upload": True,
            "create_orders_on_resource_option_change": True,
            "slurm_periodic_policy_enabled": True,
            "initial_uidnumber": 60000,
        },
        options=("purpose", "budget", "start_on", "frameworks"),
        resource_options=("notify_at", "frameworks", "quiet_from", "review_on", "allowance"),
        partitions=("a100", "gh200", "mi250", "interactive"),
        endpoints={
            "Login node": "ssh://login.nordlys.example.org:22",
            "Directory": "ldaps://ldap.nordlys.example.org",
            "Notebooks": "https://notebooks.nordlys.example.org/",
        },
    ),
    OfferingSpec(
        "Reserved GPU nodes",
        newer_catalogue.RESERVED,
        "fjord",
        30,
        groups=("Industry", "Universities"),
        age_spread_days=1,
        plugin_options={"can_restore_resource": True, "enable_purchase_order_upload": True},
        options=("purpose", "budget", "nodes"),
        partitions=("reserved",),
        endpoints={"Desktop": "rdp://desk.fjord.example.org"},
    ),
    OfferingSpec(
        "Archive vault",
        newer_catalogue.VAULT,
        "granite",
        30,
        groups=SCHOLARLY_GROUPS,
        age_spread_days=1,
        plugin_options={"can_restore_resource": True},
        resource_options=("retention_days", "review_on", "summary"),
    ),
    OfferingSpec(
        "Aurora for oceanographers",
        newer_catalogue.SHARE,
        "aurora",
        5,
        parent="Aurora Supercomputer",
        shared=False,
        billable=False,
        project="Ocean currents",
        age_spread_days=1,
        plugin_options={"auto_approve_for_roles": ["PROJECT.MANAGER"]},
    ),
    OfferingSpec(
        "Sequencing service",
        newer_catalogue.SEQUENCING,
        "meridian",
        20,
        groups=COMMON_GROUPS,
        age_spread_days=1,
        plugin_options={
            "enable_provider_consumer_messaging": True,
            "notify_about_provider_consumer_messages": True,
            "restricted_to_roles": ["PROJECT.MANAGER", "PROJECT.ADMIN", "CUSTOMER.OWNER"],
        },
        options=ALL_QUESTIONS,
        resource_options=ALL_QUESTIONS,
    ),
    OfferingSpec(
        "Northern federation cloud",
        newer_catalogue.REMOTE,
        "meridian",
        20,
        groups=COMMON_GROUPS,
        age_spread_days=1,
        plugin_options={"auto_approve_remote_orders": True},
    ),
    OfferingSpec(
        "Cold room monitoring",
        catalogue.SERVICE,
        "granite",
        2,
        PAUSED,
        shared=False,
        project="Crop genomes",
        age_spread_days=1,
        extra_columns={"paused_reason": "The sensors are being replaced."},
    ),
    OfferingSpec(
        "Pilot notebooks", catalogue.SEATS, "fjord", 0, UNAVAILABLE, shared=False, age_spread_days=1
    ),
    OfferingSpec(
        "Magnetic disk pool", catalogue.STORAGE, "granite", 5, ARCHIVED, age_spread_days=1
    ),
    OfferingSpec(
        "Data stewardship course", catalogue.SERVICE, "meridian", 0, DRAFT, age_spread_days=1
    ),
    OfferingSpec(
        "Open data mirror",
        catalogue.STORAGE,
        "granite",
        5,
        UNAVAILABLE,
        billable=False,
        age_spread_days=1,
        extra_columns={
            "datacite_doi": "10.5072/demo-mirror",
            "citation_count": 17,
            "error_message": "The mirror is out of step.",
        },
    ),
    OfferingSpec(
        "Licences on trial",
        newer_catalogue.TRIAL,
        "meridian",
        age_spread_days=1,
        plugin_options={FAIL_ORDERS_OPTION: True},
    ),
)
