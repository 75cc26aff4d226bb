// Requests that all client libraries send: two pages of a list, a change that fails, and errors.
import { headers, printMessage } from "./common.mjs";

export const pageQuery = `
  query Page($first: Int!, $after: String) {
    resources(first: $first, after: $after) { nodes { id name } pageInfo { endCursor hasNextPage } }
  }
`;
const pullMutation = `
  mutation Pull($input: PullResourceInput!) { pullResource(input: $input) { __typename ... on Problem { message } } }
`;
const unknownUuid = "00000000-0000-0000-0000-000000000000";

/**
 * Send the requests by `execute(text, variables, headers)`, and print a message for each.
 *
 * `execute` returns `data`; `listErrors` returns the GraphQL errors in what it throws.
 */
export async function printRequests(execute, listErrors) {
  const printCodes = (...request) =>
    execute(...request).then(
      (data) => printMessage({ failed: data }),
      (error) => printMessage({ codes: listErrors(error).map(({ extensions }) => extensions.code) }),
    );
  const firstPage = await execute(pageQuery, { first: 2 }, headers);
  const secondPage = await execute(pageQuery, { first: 2, after: firstPage.resources.pageInfo.endCursor }, headers);
  printMessage({ names: [firstPage, secondPage].flatMap(({ resources }) => resources.nodes.map(({ name }) => name)) });
  const { pullResource } = await execute(pullMutation, { input: { uuid: unknownUuid } }, headers);
  printMessage({ problem: pullResource.__typename });
  await printCodes(pageQuery, { first: 5000 }, headers);
  await printCodes("query Unknown { unknown }", {}, headers);
  await printCodes(pageQuery, { first: 1 }, { Authorization: "Token 0000000000000000000000000000000000000000" });
}
