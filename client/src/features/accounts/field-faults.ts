/** Maps errors of the API to the fields of a form. */
import type { FieldErrors, Refusal } from '@/lib/form';

interface FieldFault {
  path: readonly string[];
  message: string;
}

/** Each error at its field; errors of fields that the form does not have become its message. */
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
