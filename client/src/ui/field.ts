/** What all fields have in common: a label, a hint and an error, linked to the control. */
import { computed, useId, type ComputedRef } from 'vue';

export interface FieldProps {
  label: string;
  hint?: string;
  error?: string | null;
}

interface FieldIds {
  controlId: string;
  hintId: string;
  errorId: string;
  describedBy: ComputedRef<string | undefined>;
}

/** The ids that link label, hint and error to the control. */
export function useField(props: FieldProps): FieldIds {
  const controlId = useId();
  const hintId = `${controlId}-hint`;
  const errorId = `${controlId}-error`;
  const describedBy = computed(
    () => [props.error ? errorId : '', props.hint ? hintId : ''].filter(Boolean).join(' ') || undefined,
  );
  return { controlId, hintId, errorId, describedBy };
}

export const controlClass =
  'w-full rounded-field border bg-surface px-4 text-ink placeholder:text-muted transition-[border-color,box-shadow] ' +
  'focus:outline-2 focus:outline-offset-[-1px] focus:outline-accent disabled:bg-sunken disabled:text-muted';
