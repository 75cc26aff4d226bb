"""Descriptions of the offerings and locations of their providers."""

from collections.abc import Mapping

_DESCRIPTIONS: Mapping[str, tuple[str, str]] = {
    "Boreas Cloud": (
        "Private clouds with networks, machines and volumes of your own.",
        "OpenStack in two halls, cooled by sea water. Each project gets a tenant of its own.",
    ),
    "Boreas machines of Vesterlund": (
        "Virtual machines in the Boreas clouds of Vesterlund University.",
        "From one core to sixteen, with the usual Linux images.",
    ),
    "Boreas volumes of Vesterlund": (
        "Volumes in the Boreas clouds of Vesterlund University.",
        "Replicated block storage; attach a volume to a machine of the same cloud.",
    ),
    "Fjord Cloud East": (
        "Private clouds for companies, billed by cores, memory and storage.",
        "Three availability zones, snapshots every night, support in working hours.",
    ),
    "Fjord machines of Kirkwood": (
        "Virtual machines in the Fjord clouds of Kirkwood Genomics.",
        "Machines for pipelines, in the zone where the sequencers deliver.",
    ),
    "Fjord volumes of Kirkwood": (
        "Volumes in the Fjord clouds of Kirkwood Genomics.",
        "Encrypted block storage, up to half a terabyte each.",
    ),
    "Aurora Supercomputer": (
        "412 processor nodes and 96 accelerator nodes with a fast parallel file system.",
        "Limits are in node hours a month; what is used above them is billed at a higher price.",
    ),
    "Boreas CPU partition": (
        "Processor hours without a contract.",
        "Pay for the hours that your jobs ran. Academic users get 40 percent off.",
    ),
    "Boreas GPU partition": (
        "Accelerator hours without a contract.",
        "Four accelerators in a node, shared among up to eight jobs.",
    ),
    "Aurora Grand Challenge": (
        "A year of whole-machine runs for reviewed projects.",
        "Proposals are reviewed twice a year; send a purchase order with yours.",
    ),
    "Research object storage": (
        "S3-compatible buckets in three tiers.",
        "Versioning and retention can be changed at any time; what was deleted can be restored.",
    ),
    "Project file shares": (
        "Network shares for groups, with daily snapshots.",
        "Mount them over NFS or SMB, on campus or through the gateway.",
    ),
    "Tape vault": (
        "Tape slots, paid in advance by the quarter.",
        "Two copies on request, one of them in another town. Renew before the end date.",
    ),
    "Sensitive data enclave": (
        "A closed environment for the data of the clinical pilot.",
        "Data leaves it only after a second person has approved. Access is logged.",
    ),
    "Data management consultancy": (
        "Help with writing and keeping a data management plan.",
        "Billed by the hour, with a small retainer.",
    ),
    "Managed databases": (
        "PostgreSQL and MariaDB, with all updates installed for you.",
        "Daily backups, kept for as long as you choose.",
    ),
    "Beamline time": (
        "Shifts of eight hours at the beamline.",
        "Book at least two weeks ahead; a safety course is required.",
    ),
    "Nordlys AI cluster": (
        "Accelerators for training and inference, by the month.",
        "Three generations of accelerators in one queueing system, with notebooks in front.",
    ),
    "Reserved GPU nodes": (
        "Whole accelerator nodes, reserved for years and paid in advance.",
        "Terms are whole years. Hours on shared nodes beyond the reservation are billed apart.",
    ),
    "Archive vault": (
        "Cold storage for decades, paid once for the whole term.",
        "Any number of months from twelve on; a renewal may be as long as you like.",
    ),
    "Aurora for oceanographers": (
        "A share of the Aurora Supercomputer, for one project.",
        "Plans and components are those of the parent offering.",
    ),
    "Sequencing service": (
        "Samples in, annotated reads out.",
        "Describe your samples in the order form, which has questions of every type.",
    ),
    "Northern federation cloud": (
        "Clouds of a partner's marketplace, ordered through this one.",
        "Orders are passed on; the partner's terms apply.",
    ),
    "Fjord HPC Express": (
        "One node at once, for jobs that can't wait.",
        "Jobs start within a minute, and run for four hours at most.",
    ),
    "Selene (retired)": (
        "The supercomputer before Aurora.",
        "Switched off; its file systems can still be read.",
    ),
    "Kubernetes clusters": (
        "Managed clusters, billed by the node.",
        "Three control nodes are included; upgrades happen at night.",
    ),
    "Software licences": (
        "Seats for commercial simulation software.",
        "Seats float among the members of a project.",
    ),
    "Code review clinic": (
        "An hour with an engineer who reads your code.",
        "Bring a branch and a question.",
    ),
    "Fjord virtual machines": (
        "Single machines without a cloud around them.",
        "For applications that have run for years and still have to.",
    ),
    "Internal test bed": (
        "A place to break things in, for the staff of Aurora.",
        "Emptied every Monday.",
    ),
    "Cold room monitoring": (
        "Sensors in the freezers of the crop genomes project.",
        "Readings every minute, and a call at night if it gets warm.",
    ),
    "Pilot notebooks": (
        "Notebooks for a few invited groups.",
        "An experiment; nothing is kept for longer than a term.",
    ),
    "Magnetic disk pool": (
        "Disks that were replaced by the object storage.",
        "Existing shares are kept until they end.",
    ),
    "Data stewardship course": (
        "Two days on how to look after data.",
        "The dates are not settled yet.",
    ),
    "Open data mirror": (
        "Copies of public data sets, free of charge.",
        "Ask for any data set that is missing.",
    ),
    "Licences on trial": (
        "Licences that can't be renewed: each order of this offering fails.",
        "It demonstrates a failed order and its resource.",
    ),
}
_PROVIDER_LOCATIONS: Mapping[str, tuple[str, float, float]] = {
    "aurora": ("NO", 69.65, 18.96),
    "fjord": ("NO", 60.39, 5.32),
    "granite": ("FI", 62.24, 25.75),
    "meridian": ("EE", 58.38, 26.72),
}


def describe_offering(offering_name: str) -> dict[str, str]:
    """Return the columns of an offering that describe it."""
    brief, details = _DESCRIPTIONS[offering_name]
    return {
        "description": brief,
        "full_description": f"<p>{brief}</p><p>{details}</p>",
        "getting_started": "<p>Order, wait for the mail, log in.</p>",
        "vendor_details": "<p>Open on working days from nine to four.</p>",
        "integration_guide": "<p>The interface is described in the documentation.</p>",
    }


def locate_provider(provider: str) -> dict[str, str | float | None]:
    """Return the location columns of an offering: those of its provider."""
    country, latitude, longitude = _PROVIDER_LOCATIONS.get(provider, ("NO", None, None))
    return {"country": country, "latitude": latitude, "longitude": longitude}
