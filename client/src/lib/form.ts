/** The logic of forms: one request at a time, and each error at its field. */
import { nextTick, reactive, ref, watch, type Ref } from 'vue';

/** A message for each field with an error. */
export type FieldErrors<Field extends string> = Partial<Record<Field, string>>;

export interface Refusal<Field extends string = string> {
  /** For the whole form, if it belongs to no field. */
  message?: string;
  fields?: FieldErrors<Field>;
}

interface FormParts<Field extends string> {
  values: Record<Field, string>;
  /** Finds errors before anything is sent; it may be asynchronous, to load what it needs. */
  check?: (values: Record<Field, string>) => FieldErrors<Field> | Promise<FieldErrors<Field>>;
  /** Sends it; a returned refusal is shown. */
  send: (values: Record<Field, string>) => Promise<Refusal<Field> | null>;
}

export interface Form<Field extends string> {
  values: Record<Field, string>;
  errors: FieldErrors<Field>;
  message: Ref<string>;
  busy: Ref<boolean>;
  /** Sets the form's element: the first field with an error receives the focus. */
  attach: (element: HTMLFormElement | null) => void;
  submit: () => Promise<void>;
}

export function useForm<Field extends string>(parts: FormParts<Field>): Form<Field> {
  const values = reactive({ ...parts.values }) as Record<Field, string>;
  const errors = reactive({}) as FieldErrors<Field>;
  const message = ref('');
  const busy = ref(false);
  let element: HTMLFormElement | null = null;

  function attach(mounted: HTMLFormElement | null): void {
    element = mounted;
  }

  for (const field of Object.keys(parts.values) as Field[]) {
    watch(
      () => values[field],
      () => {
        // eslint-disable-next-line @typescript-eslint/no-dynamic-delete
        delete errors[field];
      },
    );
  }

  async function show(refusal: Refusal<Field>): Promise<void> {
    message.value = refusal.message ?? '';
    Object.assign(errors, refusal.fields);
    await nextTick();
    element?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }

  async function submit(): Promise<void> {
    if (busy.value) return;
    message.value = '';
    for (const field of Object.keys(errors) as Field[]) {
      // eslint-disable-next-line @typescript-eslint/no-dynamic-delete
      delete errors[field];
    }
    busy.value = true;
    try {
      const wrong = (await parts.check?.(values)) ?? {};
      const refusal = Object.keys(wrong).length > 0 ? { fields: wrong } : await parts.send(values);
      if (refusal) await show(refusal);
    } finally {
      busy.value = false;
    }
  }

  return { values, errors, message, busy, attach, submit };
}
