// Apollo Client over HTTP. It reports an interrupted stream; this program then subscribes again.
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { CombinedProtocolErrors } from "@apollo/client/errors";
import { headers, printMessage, printResult, query, url, variables, waitBeforeRetry } from "./common.mjs";

const client = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url, headers }) });

function subscribe() {
  let isRejected = false;
  client.subscribe({ query: gql(query), variables: { after: variables.after }, fetchPolicy: "no-cache" }).subscribe({
    next({ data, error }) {
      if (!error) return printResult({ data });
      isRejected = CombinedProtocolErrors.is(error);
      if (isRejected) printMessage({ data, errors: error.errors });
    },
    error: (error) => printMessage({ failed: String(error) }),
    complete: () => (isRejected ? printMessage({ complete: true }) : waitBeforeRetry().then(subscribe)),
  });
}

subscribe();
