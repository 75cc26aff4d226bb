// urql with its exchange for automatic persisted queries; prints what was sent and received.
// Both prefer GET for queries by default; with the argument "POST" they don't.
import { Client, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { headers, printMessage, url } from "./common.mjs";

const viewerQuery = "query Me { viewer { user { username } } }";

/** Send a request, and print its method and status, and whether it had a document. */
async function fetchAndPrint(input, init) {
  const response = await fetch(input, init);
  const isGet = init.method === "GET";
  const hasDocument = isGet ? new URL(input).searchParams.has("query") : "query" in JSON.parse(init.body);
  printMessage({ sent: [init.method, ...(hasDocument ? ["query"] : [])], status: response.status });
  return response;
}

const postOnly = process.argv[4] === "POST";
const client = new Client({
  url,
  preferGetMethod: postOnly ? false : undefined,
  fetch: fetchAndPrint,
  fetchOptions: { headers },
  requestPolicy: "network-only",
  exchanges: [persistedExchange({ preferGetForPersistedQueries: postOnly ? false : undefined }), fetchExchange],
});

for (const round of [1, 2]) {
  const { data, error } = await client.query(viewerQuery, {});
  printMessage({ round, username: data?.viewer.user.username ?? String(error) });
}
