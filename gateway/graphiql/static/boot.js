"use strict";

(() => {
  const config = JSON.parse(document.getElementById("config").textContent);
  const headers = config.headers ? JSON.stringify(config.headers, null, 2) : undefined;

  // Headers carry a token. GraphiQL keeps them out of its tabs, but not out of its history.
  const histories = ["graphiql:queries", "graphiql:favorites"];

  /** Give a history's text with the headers of all its entries set to `text`. */
  const withHeaders = (history, text) => {
    const parsed = JSON.parse(history);
    for (const entries of Object.values(parsed)) {
      for (const entry of entries) entry.headers = text;
    }
    return JSON.stringify(parsed);
  };

  /** Keep what the user wrote from visit to visit, except for headers. */
  const keeping = (kept) => ({
    getItem(key) {
      const text = kept.getItem(key);
      return text && histories.includes(key) ? withHeaders(text, headers) : text;
    },
    setItem(key, text) {
      kept.setItem(key, histories.includes(key) ? withHeaders(text, undefined) : text);
    },
    removeItem(key) {
      kept.removeItem(key);
    },
    clear() {
      for (const key of Object.keys(kept)) {
        if (key.startsWith("graphiql:")) kept.removeItem(key);
      }
    },
    get length() {
      return Object.keys(kept).filter((key) => key.startsWith("graphiql:")).length;
    },
  });

  /** Give the browser's storage, or null where the user forbids it. */
  const storage = () => {
    try {
      return keeping(window.localStorage);
    } catch {
      return null;
    }
  };

  // The endpoint is relative to the page, which may be published below any path.
  const endpoint = new URL(config.endpoint, window.location.href).href;

  /**
   * A WebSocket whose end is told at once, with the reason. GraphiQL's client would try again for
   * half a minute without a word, or subscribe anew and keep silent about what it missed.
   */
  window.WebSocket = class extends WebSocket {
    set onclose(listener) {
      super.onclose = listener && ((event) => listener(event.code === 1000 ? event : closed(event)));
    }

    set onerror(_) {} // the end follows, and says more
  };

  /** Give the error that tells why a WebSocket was closed. */
  const closed = ({ code, reason }) => new Error(reason || `The connection was lost (${code}).`);

  /** Give an example as the contents of a tab: a comment that names it, then its query. */
  const tab = ({ title, query, variables }) => ({
    query: `${title.replace(/^/gm, "# ")}\n${query}`,
    variables: variables || null,
  });

  const kept = storage();
  const tabs = config.examples.map(tab);
  // GraphiQL leaves out the variables of the first tab of a first visit.
  const first = kept?.getItem("graphiql:tabState") ? undefined : tabs[0]?.variables ?? undefined;

  const explorer = React.createElement(
    GraphiQL,
    {
      fetcher: GraphiQL.createFetcher({
        url: endpoint,
        subscriptionUrl: endpoint.replace(/^http/, "ws"),
        headers: { Accept: "application/graphql-response+json, application/json" },
        enableIncrementalDelivery: false,
      }),
      plugins: [GraphiQLPluginExplorer.explorerPlugin({ showAttribution: false })],
      storage: kept,
      defaultTabs: tabs.length ? tabs : undefined,
      defaultHeaders: headers,
      variables: first,
      shouldPersistHeaders: false,
      isHeadersEditorEnabled: true,
      inputValueDeprecation: true,
      schemaDescription: true,
    },
    React.createElement(GraphiQL.Logo, null, document.title),
  );
  ReactDOM.createRoot(document.getElementById("ide")).render(explorer);
})();
