/** Refusals of the API as a form shows them. */
import type { FieldErrors, Refusal } from '@/lib/form';

interface FieldFault {
  path: readonly string[];
  message: string;
}

/** Each fault at its field; those of fields that the form does not show become its message. */
export function atFields<Field extends string>(
  faults: readonly FieldFault[],
  shown: readonly Field[],
): Refusal<Field> {
  const fields: FieldErrors<Field> = {};
  const rest: string[] = [];
  for (const fault of faults) {
    const field = shown.find((name) => name === fault.path.at(-1) || name === fault.path[0]);
    if (field) fields[field] ??= fault.message;
    else rest.push(fault.message);
  }
  return { fields, message: rest.join(' ') };
}
