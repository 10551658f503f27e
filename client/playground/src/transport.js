/** One GraphQL request over HTTP to the API that served this page. */
const ENDPOINT = '/graphql';

/** The address for WebSockets. */
export const socketAddress = location.origin.replace(/^http/, 'ws') + ENDPOINT;

/** The response as it is. Throws an error with a readable message if there is none. */
export async function post(payload, headers = {}) {
  let response;
  try {
    response = await fetch(ENDPOINT, {
      method: 'POST',
      headers: {
        Accept: 'application/graphql-response+json, application/json',
        ...headers,
        'Content-Type': 'application/json',
      },
      body: JSON.stringify(payload),
    });
  } catch {
    throw problem('The API cannot be reached. Check that it is running.');
  }
  try {
    return await response.json();
  } catch {
    throw problem(`The API answered ${response.status} without a GraphQL result.`);
  }
}

/** An error without a stack, of which GraphiQL shows only the message. */
export function problem(sentence) {
  const error = new Error(sentence);
  error.stack = undefined;
  return error;
}
