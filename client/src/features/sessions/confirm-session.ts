/** Confirms the session where the API asks for it, with a second factor if there is one, otherwise with the password. */

import { client, graphql, sentenceFor } from '@/api';
import { questions, wrongAnswer, type Answer, type Method, type Question } from '@/features/security/questions';
import { perUser } from '@/lib/user-scope';

const Confirmable = graphql(`
  query Confirmable {
    viewer {
      id
      email
      security {
        totp
        recoveryCodesLeft
        passkeys {
          id
        }
      }
    }
  }
`);

const BeginSessionConfirmation = graphql(`
  mutation BeginSessionConfirmation {
    beginSessionConfirmation {
      challenge
      options
    }
  }
`);

const ConfirmSession = graphql(`
  mutation ConfirmSession($secondFactor: SecondFactorInput, $challenge: String, $password: String) {
    confirmSession(input: { secondFactor: $secondFactor, challenge: $challenge, password: $password }) {
      __typename
      ... on SessionConfirmed {
        until
      }
      ... on UserError {
        message
      }
    }
  }
`);

/** 'cancelled' by the user, or why it could not be asked. */
export type Confirmation = 'confirmed' | 'cancelled' | { message: string };

const current = perUser(() => ({ asking: null as Promise<Confirmation> | null }));

/** Asks until the answer is right or the user cancels. What asks meanwhile gets the same answer. */
export function confirmSession(): Promise<Confirmation> {
  const mine = current();
  mine.asking ??= ask().finally(() => (mine.asking = null));
  return mine.asking;
}

async function ask(): Promise<Confirmation> {
  const conversation = questions().converse();
  let fault = '';
  try {
    for (;;) {
      const { question, challenge, message } = await prepare(fault);
      if (!question) return { message };
      const given = await conversation.ask(question);
      if (!given) return 'cancelled';
      fault = await send(given, challenge);
      if (!fault) return 'confirmed';
    }
  } finally {
    conversation.end();
  }
}

type Prepared = { question: Question; challenge: string | null; message?: undefined } | { question: null; challenge: null; message: string };

/** Each attempt with a passkey has a challenge of its own. */
async function prepare(fault: string): Promise<Prepared> {
  const { data, error } = await client.value.query(Confirmable, {}, { requestPolicy: 'network-only' }).toPromise();
  const viewer = data?.viewer;
  if (error || !viewer) return { question: null, challenge: null, message: error ? sentenceFor(error) : 'Sign in and try again.' };
  const { totp, passkeys, recoveryCodesLeft } = viewer.security;
  const methods: Method[] = [];
  if (totp) methods.push('TOTP');
  if (passkeys.length > 0) methods.push('PASSKEY');
  const begun = passkeys.length > 0 ? (await client.value.mutation(BeginSessionConfirmation, {}).toPromise()).data?.beginSessionConfirmation : null;
  if (methods.length === 0) methods.push('PASSWORD');
  else if (recoveryCodesLeft > 0) methods.push('RECOVERY_CODE');
  return {
    question: {
      title: 'Confirm that it’s you',
      description: 'You won’t be asked again for an hour.',
      action: 'Confirm',
      methods,
      passkeyOptions: begun?.options ?? null,
      fault,
      email: viewer.email,
    },
    challenge: begun?.challenge ?? null,
  };
}

/** Empty if the session is confirmed; otherwise why not. */
async function send(given: Answer, challenge: string | null): Promise<string> {
  const { secondFactor, password } = given;
  const variables = { secondFactor, password, challenge: secondFactor && 'passkey' in secondFactor ? challenge : null };
  const { data, error } = await client.value.mutation(ConfirmSession, variables).toPromise();
  if (error || !data) return error ? sentenceFor(error) : 'Something went wrong. Try again.';
  return data.confirmSession.__typename === 'SessionConfirmed' ? '' : wrongAnswer(given);
}
