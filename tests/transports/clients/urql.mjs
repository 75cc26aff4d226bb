// urql: requests over HTTP, then a subscription over a WebSocket ("websocket") or HTTP ("stream").
import { cacheExchange, Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import { headers, printMessage, printResult, query, url } from "./common.mjs";
import { printRequests } from "./requests.mjs";

const isStream = process.argv[4] === "stream";
const webSocketClient = createClient({ url: url.replace("http", "ws"), connectionParams: headers, lazy: true });
const webSocketExchange = subscriptionExchange({
  forwardSubscription: ({ query, variables }) => ({
    subscribe: (sink) => ({ unsubscribe: webSocketClient.subscribe({ query, variables }, sink) }),
  }),
});
const client = new Client({
  url,
  fetchOptions: { headers },
  fetchSubscriptions: isStream,
  preferGetMethod: false,
  exchanges: [cacheExchange, fetchExchange, ...(isStream ? [] : [webSocketExchange])],
});

/** Execute an operation; reject with its error. */
async function execute(text, variables, requestHeaders) {
  const context = { fetchOptions: { headers: requestHeaders } };
  const { data, error } = text.includes("mutation")
    ? await client.mutation(text, variables, context)
    : await client.query(text, variables, context);
  if (error) throw error;
  return data;
}

await printRequests(execute, (error) => error.graphQLErrors);
client.subscription(query, {}).subscribe(({ data, error }) => {
  if (error) printMessage({ failed: String(error) });
  else printResult({ data });
});
