// graphql-ws, which reconnects automatically.
import { createClient } from "graphql-ws";
import { headers, printMessage, printResult, query, url, variables, waitBeforeRetry } from "./common.mjs";

const client = createClient({
  url: url.replace("http", "ws"),
  connectionParams: headers,
  retryAttempts: 100,
  retryWait: waitBeforeRetry,
  shouldRetry: () => true, // by default it does not retry after a refused connection
  on: { closed: ({ code, reason }) => printMessage({ closed: code, reason }) },
});
client.subscribe(
  { query, variables },
  {
    next: printResult,
    error: (error) => printMessage({ failed: String(error.reason ?? error) }),
    complete: () => printMessage({ complete: true }),
  },
);
