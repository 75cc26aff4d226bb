// What all clients here have in common: whom they ask what, and how they tell the test of it.
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

let cursor;
/** Is written anew by clients that come back by themselves. */
export const variables = {
  get after() {
    return cursor;
  },
};

export const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
export const told = ({ data, errors }) => {
  cursor = data?.resourceChanged?.cursor ?? cursor;
  tell({ data, errors });
};
export const soon = () => new Promise((resolve) => setTimeout(resolve, 200));
