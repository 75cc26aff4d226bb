// graphql-sse, which reconnects automatically.
import { createClient } from "graphql-sse";
import { headers, printMessage, printResult, query, url, variables, waitBeforeRetry } from "./common.mjs";

const client = createClient({ url, headers, retryAttempts: 100, retry: waitBeforeRetry });
client.subscribe(
  { query, variables },
  {
    next: printResult,
    error: (error) => printMessage({ failed: String(error) }),
    complete: () => printMessage({ complete: true }),
  },
);
