// Apollo Client by HTTP; it says that a stream was cut, and the program subscribes anew.
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { CombinedProtocolErrors } from "@apollo/client/errors";
import { headers, query, soon, tell, told, url, variables } from "./common.mjs";

const client = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url, headers }) });

function subscribe() {
  let refused = false;
  client.subscribe({ query: gql(query), variables: { after: variables.after }, fetchPolicy: "no-cache" }).subscribe({
    next({ data, error }) {
      if (!error) return told({ data });
      refused = CombinedProtocolErrors.is(error);
      if (refused) tell({ data, errors: error.errors });
    },
    error: (why) => tell({ failed: String(why) }),
    complete: () => (refused ? tell({ complete: true }) : soon().then(subscribe)),
  });
}

subscribe();
