"""The example queries that GraphiQL opens with; each of them works on the demo."""

from gateway.graphiql.page import ExampleQuery

EXAMPLE_QUERIES = (
    ExampleQuery(
        "The newest resources in state OK, with offering, plan, project, endpoints and cost.",
        """query Resources {
  resources(first: 10, orderBy: CREATED_DESC, filter: { state: OK }) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      uuid
      name
      state
      endDate
      cost
      offering { name type provider { name } category { title } }
      plan { name unit unitPrice }
      project { name isInGracePeriod customer { name } }
      endpoints { name url }
    }
  }
}
""",
    ),
    ExampleQuery(
        "The catalogue: offerings with components, plans and SLURM partitions.",
        """query Catalogue {
  offerings(first: 10, orderBy: NAME_ASC) {
    nodes {
      name
      type
      state
      provider { name }
      components { type name billingType measuredUnit limitPeriod }
      plans { name unit unitPrice isActive components { price amount component { type } } }
      partitions { name cpuArch gpuArch maxNodes maxTime }
    }
  }
}
""",
    ),
    ExampleQuery(
        "Projects, each with its three resources that end first.",
        """query Projects {
  projects(first: 5, orderBy: NAME_ASC) {
    nodes {
      name
      effectiveEndDate
      customer { name }
      resources(first: 3, orderBy: END_DATE_ASC, filter: { hasTerminateDate: true }) {
        totalCount
        nodes { name endDate endDateRequestedBy { fullName } }
      }
    }
  }
}
""",
    ),
    ExampleQuery(
        "The authenticated user. Other users of the demo see less: `gateway tokens` prints tokens.",
        """query Viewer {
  viewer { user { username fullName isStaff isSupport } }
  resources { totalCount }
  asConsumer: resources(visibleAs: CONSUMER) { totalCount }
  asProvider: resources(visibleAs: PROVIDER) { totalCount }
}
""",
    ),
    ExampleQuery(
        "Changes of resources as they happen: renew or pull a resource in another window.",
        """subscription Changes {
  resourceChanged {
    __typename
    ... on ResourceEvent {
      kind
      at
      previousState
      state
      changedFields
      uuid
      resource { name state project { name } }
    }
    ... on ResyncRequired { reason cursor }
  }
}
""",
    ),
    ExampleQuery(
        "Changes of orders as they happen: approve or cancel an order in another window.",
        """subscription OrderEvents {
  orderChanged(filter: { types: [CREATE, UPDATE, TERMINATE] }) {
    __typename
    ... on OrderEvent {
      kind
      at
      previousState
      state
      changedFields
      uuid
      order { type resource { name } project { name } createdBy { fullName } }
    }
    ... on ResyncRequired { reason cursor }
  }
}
""",
    ),
)
