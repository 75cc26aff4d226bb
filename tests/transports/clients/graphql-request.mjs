// graphql-request: one function over HTTP, without a cache and without subscriptions.
import { ClientError, GraphQLClient } from "graphql-request";
import { printMessage, url } from "./common.mjs";
import { printRequests } from "./requests.mjs";

const client = new GraphQLClient(url);
await printRequests(
  (document, variables, requestHeaders) => client.request({ document, variables, requestHeaders }),
  (error) => {
    if (!(error instanceof ClientError)) throw error;
    return error.response.errors;
  },
);
printMessage({ complete: true });
