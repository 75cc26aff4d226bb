// Relay's runtime: a connection of two pages, an object by its global id, a mutation and a subscription.
import { createClient } from "graphql-ws";
import relay from "relay-runtime";
import { headers, printMessage, url } from "./common.mjs";
import listFragment from "./relay/__generated__/documents_list.graphql.js";
import resourceFragment from "./relay/__generated__/documents_resource.graphql.js";
import changedSubscription from "./relay/__generated__/documentsChangedSubscription.graphql.js";
import pageQuery from "./relay/__generated__/documentsPageQuery.graphql.js";
import pullMutation from "./relay/__generated__/documentsPullMutation.graphql.js";
import refetchQuery from "./relay/__generated__/documentsRefetchQuery.graphql.js";

const { createOperationDescriptor, getSingularSelector, Observable } = relay;
const webSocketClient = createClient({ url: url.replace("http", "ws"), connectionParams: headers });

async function sendRequest({ text }, variables) {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json", Accept: "application/graphql-response+json" },
    body: JSON.stringify({ query: text, variables }),
  });
  return response.json();
}

const subscribe = ({ text, name }, variables) =>
  Observable.create((sink) => webSocketClient.subscribe({ query: text, operationName: name, variables }, sink));
const environment = new relay.Environment({
  network: relay.Network.create(sendRequest, subscribe),
  store: new relay.Store(new relay.RecordSource()),
});

/** Return what a fragment reads from the store, by its reference. */
const readFragment = (fragment, reference) => environment.lookup(getSingularSelector(fragment, reference)).data;
const fetchData = (query, variables) => relay.fetchQuery(environment, query, variables).toPromise();

const firstPage = await fetchData(pageQuery, { first: 2 });
environment.retain(createOperationDescriptor(pageQuery, { first: 2 }));
const { endCursor } = readFragment(listFragment, firstPage).resources.pageInfo;
await fetchData(pageQuery, { first: 2, after: endCursor });
const { resources } = readFragment(listFragment, firstPage); // both pages: the store appends the second
const references = resources.edges.map(({ node }) => node);
const readNames = () => references.map((reference) => readFragment(resourceFragment, reference).name);
printMessage({ names: readNames(), hasNextPage: resources.pageInfo.hasNextPage });

const [{ __id: id }] = references; // the record's key in the store is the global id
const { node } = await fetchData(refetchQuery, { id });
printMessage({ name: readFragment(resourceFragment, node).name, isSameRecord: node.__id === id });

const input = { uuid: "00000000-0000-0000-0000-000000000000" };
const { pullResource } = await new Promise((onCompleted, onError) =>
  relay.commitMutation(environment, { mutation: pullMutation, variables: { input }, onCompleted, onError }),
);
printMessage({ problem: pullResource.__typename });

await fetchData(pageQuery, { first: 5000 }).catch(({ source }) =>
  printMessage({ codes: source.errors.map(({ extensions }) => extensions.code) }),
);

environment.subscribe(environment.lookup(getSingularSelector(resourceFragment, references[0])), () =>
  printMessage({ changed: readNames() }),
);
relay.requestSubscription(environment, {
  subscription: changedSubscription,
  variables: {},
  onError: (error) => printMessage({ failed: String(error) }),
});
