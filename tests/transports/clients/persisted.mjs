// Apollo Client with its link for automatic persisted queries; prints what was sent and received.
import { createHash } from "node:crypto";
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { headers, printMessage, printResult, query, url } from "./common.mjs";

const viewerQuery = gql("query Me { viewer { user { username } } }");
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const ids = JSON.parse(process.argv[4] ?? "null"); // ids of a manifest by operation name
const generateHash = (document) => ids[document.definitions[0].name.value];
const persistedQueryLink = new PersistedQueryLink(ids ? { generateHash, disable: () => false } : { sha256 });

/** Send a request, and print whether it had a document and a hash, and the response's status. */
async function fetchAndPrint(input, init) {
  const body = JSON.parse(init.body);
  const response = await fetch(input, init);
  const sent = [...(body.query ? ["query"] : []), ...(body.extensions?.persistedQuery ? ["hash"] : [])];
  printMessage({ sent, status: response.status, type: response.headers.get("content-type") });
  return response;
}

const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: persistedQueryLink.concat(new HttpLink({ uri: url, headers, fetch: fetchAndPrint })),
});

for (const round of [1, 2]) {
  const { data, error } = await client.query({ query: viewerQuery, fetchPolicy: "no-cache", errorPolicy: "all" });
  printMessage({ round, username: data?.viewer.user.username ?? String(error) });
}
if (!ids) client.subscribe({ query: gql(query), fetchPolicy: "no-cache" }).subscribe({ next: printResult });
