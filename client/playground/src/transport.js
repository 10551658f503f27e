/** One GraphQL request over HTTP to the API that served this page. */
const ENDPOINT = '/graphql';

/** The address for WebSockets. */
export const socketAddress = location.origin.replace(/^http/, 'ws') + ENDPOINT;

/** The answer as it came; throws a sentence for a person where there is none. */
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
    throw problem('The API cannot be reached. Is it running?');
  }
  try {
    return await response.json();
  } catch {
    throw problem(`The API answered ${response.status} without a GraphQL result.`);
  }
}

/** An error that GraphiQL shows as its sentence alone: it would print a stack as well. */
export function problem(sentence) {
  const error = new Error(sentence);
  error.stack = undefined;
  return error;
}
