/** An operation of the API with the types of its variables and of its answer. */

import { Unauthenticated, UnexpectedAnswer } from './errors.js';

/** A document with one operation, and how its data becomes the result. */
export interface Operation<Variables extends object, Result> {
  readonly name: string;
  readonly document: string;
  /** Throws an UnexpectedAnswer, or Unauthenticated where there is no viewer. */
  readonly parse: (data: unknown) => Result;
  /** Only for the types. */
  readonly variables?: Variables;
}

/** What the generator knows of an operation. */
interface Description {
  readonly name: string;
  readonly document: string;
  readonly path: readonly string[];
  /** Of a result with several members: those that this version knows. */
  readonly members?: readonly string[];
  /** The type that stands for all others. */
  readonly unknown?: string;
}

export function operation<Variables extends object, Result>(of: Description): Operation<Variables, Result> {
  return { name: of.name, document: of.document, parse: (data) => known(of, follow(of, data)) as Result };
}

function follow({ name, path }: Description, data: unknown): unknown {
  let found = data;
  for (const [depth, field] of path.entries()) {
    if (found === null && path[depth - 1] === 'node') {
      throw new UnexpectedAnswer('Nothing that the user may see has this id.');
    }
    if (found === null && depth > 0) {
      throw new Unauthenticated('This operation needs a user: sign in, or give an API token.');
    }
    if (!isObject(found) || !(field in found)) throw new UnexpectedAnswer(`The data of ${name} has an unknown form.`);
    found = found[field];
  }
  return found;
}

function known({ name, members, unknown }: Description, result: unknown): unknown {
  if (!members) return result;
  if (!isObject(result)) throw new UnexpectedAnswer(`The data of ${name} has an unknown form.`);
  const typename = String(result['__typename']);
  if (members.includes(typename)) return result;
  const message = `The service answered ${typename}, which this client does not know.`;
  return { message, ...result, __typename: unknown, typename };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
