"""Searches of root lists by the argument `query`."""

from tests.support.marketplaces import LOCAL_ADDRESS, Marketplace


async def search_list_uuids(
    marketplace: Marketplace,
    root: str,
    query: str,
    username: str = "staff",
    address: str = LOCAL_ADDRESS,
) -> set[str]:
    """Return the uuids of a root list's rows that a search finds; 300 at most."""
    document = f"""query($q: String) {{
        {root}(first: 300, query: $q) {{ totalCount nodes {{ uuid }} }} }}"""
    page = (await marketplace.fetch_data(document, username, address=address, q=query))[root]
    assert page["totalCount"] == len(page["nodes"])
    return {each["uuid"] for each in page["nodes"]}
