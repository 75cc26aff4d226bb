// The audits of the library graphql-http: a line of JSON with the id, name and status of each.
import { serverAudits } from "graphql-http";
import { headers, printMessage, url } from "./common.mjs";

/** Send a request with the token; an audit names its own headers, and may name none. */
const fetchFn = (address, options = {}) =>
  fetch(address, { ...options, headers: { ...headers, ...options.headers } });

for (const { id, name, fn } of serverAudits({ url, fetchFn })) {
  const { status, reason, response } = await fn();
  await response?.body?.cancel();
  printMessage({ id, name, status, reason });
}
