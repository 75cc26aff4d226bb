// Shared by all client programs: the server's address, the subscription, and messages to the test.
const [url, token] = process.argv.slice(2);
export { url };
export const headers = { Authorization: `Token ${token}` };
export const query = `
  subscription ($after: String) {
    resourceChanged(after: $after) {
      ... on ResourceEvent { cursor uuid resource { name } }
    }
  }
`;

let lastCursor;
/** Variables of the subscription; `after` is the last cursor each time a library sends them. */
export const variables = {
  get after() {
    return lastCursor;
  },
};

/** Print a message to the test, as a line of JSON. */
export const printMessage = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** Print a result of the subscription, and remember its cursor. */
export const printResult = ({ data, errors }) => {
  lastCursor = data?.resourceChanged?.cursor ?? lastCursor;
  printMessage({ data, errors });
};

/** Wait 0.2 seconds before the next attempt to connect. */
export const waitBeforeRetry = () => new Promise((resolve) => setTimeout(resolve, 200));
