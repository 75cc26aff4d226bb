// Apollo Client: requests over HTTP, a normalised cache, and subscriptions over a WebSocket.
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { CombinedGraphQLErrors, ServerError } from "@apollo/client/errors";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import { headers, printMessage, query, url } from "./common.mjs";
import { pageQuery, printRequests } from "./requests.mjs";

const webSocketLink = new GraphQLWsLink(createClient({ url: url.replace("http", "ws"), connectionParams: headers }));
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(({ operationType }) => operationType === "subscription", webSocketLink, new HttpLink({ uri: url })),
});

/** Execute an operation; reject with its errors. */
async function execute(text, variables, requestHeaders) {
  const document = gql(text);
  const context = { headers: requestHeaders };
  const isMutation = document.definitions[0].operation === "mutation";
  const { data } = isMutation
    ? await client.mutate({ mutation: document, variables, context })
    : await client.query({ query: document, variables, context, fetchPolicy: "network-only" });
  return data;
}

await printRequests(execute, (error) => {
  if (CombinedGraphQLErrors.is(error)) return error.errors;
  if (ServerError.is(error)) return JSON.parse(error.bodyText).errors;
  throw error;
});

// A watched query gets the names of later events from the cache, by the resources' global ids.
client
  .watchQuery({ query: gql(pageQuery), variables: { first: 2 }, fetchPolicy: "cache-only" })
  .subscribe(({ data }) => printMessage({ watched: data.resources.nodes.map(({ name }) => name) }));
const resourceQuery = query.replace("resource { name }", "resource { id name }");
client.subscribe({ query: gql(resourceQuery) }).subscribe({
  next: ({ data, error }) => printMessage(error ? { failed: String(error) } : { data }),
  error: (error) => printMessage({ failed: String(error) }),
});
