// Documents of relay.mjs. The Relay compiler makes the modules in __generated__ from this file, which is not executed:
//   mkdir -p __generated__ && npx relay-compiler@21.0.1
// (They are committed, because the compiler is a package of 118 MB.)
import { graphql } from "relay-runtime";

graphql`
  query documentsPageQuery($first: Int!, $after: String) {
    ...documents_list
  }
`;
graphql`
  fragment documents_list on Query {
    resources(first: $first, after: $after, orderBy: CREATED_ASC) @connection(key: "documents_resources") {
      totalCount
      edges {
        node {
          ...documents_resource
        }
      }
    }
  }
`;
graphql`
  fragment documents_resource on Resource @refetchable(queryName: "documentsRefetchQuery") {
    name
    project {
      name
    }
  }
`;
graphql`
  subscription documentsChangedSubscription {
    resourceChanged {
      ... on ResourceEvent {
        uuid
        resource {
          ...documents_resource
        }
      }
    }
  }
`;
graphql`
  mutation documentsPullMutation($input: PullResourceInput!) {
    pullResource(input: $input) {
      __typename
      ... on Problem {
        message
      }
    }
  }
`;
