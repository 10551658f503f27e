/** Downloading the files of a statement: each click requests a link of its own, which is valid for minutes. */

import { ref } from 'vue';
import { client, sentenceFor } from '@/api';
import { StatementFile } from './documents';
import type { DateRange } from './ranges';

export type Format = 'PDF' | 'CSV' | 'OFX' | 'CAMT_053';

const GONE = 410;
const TOO_MANY = 429;

/** What a person is told of the status with which a link was answered; empty if there is a file. */
export function sentenceOfStatus(status: number): string {
  if (status < 400) return '';
  if (status === GONE) return 'The link to the file has expired. Try again.';
  if (status === TOO_MANY) return 'Too many downloads at once. Try again in a minute.';
  if (status < 500) return 'The link to the file is no longer valid. Try again.';
  return 'The file can’t be created right now. Try again in a minute.';
}

/** Empty if the link leads to a file: a page that says why not would replace this one. */
export async function faultOf(link: string): Promise<string> {
  // A link of another origin can only be followed.
  if (new URL(link).origin !== location.origin) return '';
  try {
    return sentenceOfStatus((await fetch(link, { method: 'HEAD' })).status);
  } catch {
    return 'Mini Wallet isn’t responding. Check your connection and try again.';
  }
}

export function useDownload(range: () => DateRange, follow = (link: string) => location.assign(link)) {
  const pending = ref<Format | null>(null);
  const error = ref('');

  async function linkTo(format: Format): Promise<string | null> {
    const { data, error: failure } = await client.value
      .query(StatementFile, { ...range(), format }, { requestPolicy: 'network-only' })
      .toPromise();
    const statement = data?.viewer?.statement;
    if (statement?.__typename === 'Statement') return statement.download;
    error.value = failure ? sentenceFor(failure) : (statement?.message ?? 'Something went wrong. Try again.');
    return null;
  }

  async function download(format: Format): Promise<void> {
    if (pending.value) return;
    pending.value = format;
    error.value = '';
    const link = await linkTo(format);
    if (link !== null) {
      error.value = await faultOf(link);
      if (!error.value) follow(link);
    }
    pending.value = null;
  }

  return { pending, error, download };
}
