// graphql-ws, which connects anew by itself.
import { createClient } from "graphql-ws";
import { headers, query, soon, tell, told, url, variables } from "./common.mjs";

const client = createClient({
  url: url.replace("http", "ws"),
  connectionParams: headers,
  retryAttempts: 100,
  retryWait: soon,
  shouldRetry: () => true, // also after connections that are refused while nobody serves
  on: { closed: ({ code, reason }) => tell({ closed: code, reason }) },
});
client.subscribe(
  { query, variables },
  { next: told, error: (why) => tell({ failed: String(why.reason ?? why) }), complete: () => tell({ complete: true }) },
);
