// graphql-sse, which asks anew by itself.
import { createClient } from "graphql-sse";
import { headers, query, soon, tell, told, url, variables } from "./common.mjs";

const client = createClient({ url, headers, retryAttempts: 100, retry: soon });
client.subscribe(
  { query, variables },
  { next: told, error: (why) => tell({ failed: String(why) }), complete: () => tell({ complete: true }) },
);
