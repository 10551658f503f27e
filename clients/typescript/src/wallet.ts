/** The wallet of one user, as a program uses it. */

import type { WalletError } from './errors.js';
import * as api from './generated.js';
import { type ConfirmedOptions, type MoveOptions, type Recipient, entries, recipientInput } from './inputs.js';
import { type Operation } from './operation.js';
import { pages } from './part.js';
import { RETRIES, type Retries } from './retries.js';
import { Statements } from './statements.js';
import { type StreamTransport, events } from './streams.js';
import { type Session, Transport } from './transport.js';
import { type Amount, decimal, newKey } from './values.js';
import { documentOf } from './webhooks.js';

export interface WalletOptions {
  /** An API token (`mw_…`). */
  readonly token?: string;
  /** A session that was kept, instead of a token. */
  readonly session?: Session;
  /** Called with the newest tokens of the session, to be kept; null when it has ended. */
  readonly onSession?: (session: Session | null) => void;
  readonly retries?: Partial<Retries>;
  /** How long one request may take; 15 by default. */
  readonly timeoutSeconds?: number;
  /** How `events` connects: by default over WebSocket where there is one (not in Node 20). */
  readonly streams?: StreamTransport;
  /** After how long without a heartbeat a stream counts as dead. */
  readonly silenceSeconds?: number;
  readonly fetch?: typeof fetch;
}

export interface SendOptions extends ConfirmedOptions {
  readonly note?: string;
}

export interface ListenOptions {
  /** The number of the last event that was processed; by default events begin with the next one. */
  readonly after?: number;
  /** The epoch in which that number was assigned: see `Wallet.epoch`. */
  readonly epoch?: string;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
  /** Told of each interruption, after which the stream goes on; by default, the console is. */
  readonly onInterruption?: (error: WalletError) => void;
}

export interface CreateWebhookOptions {
  readonly stream?: api.WebhookStream;
  /** Deliver events after this number; by default future events only. */
  readonly after?: number;
  readonly document?: string | null;
}

/** The wallet of one user: with an API token, or with a session. */
export class Wallet extends Statements {
  protected readonly transport: Transport;
  private readonly streams: StreamTransport;

  /** `url` is the address of the service, such as `https://wallet.example`. Throws a TypeError for what is none, and for no token. */
  constructor(url: string, options: WalletOptions = {}) {
    super();
    if (!/^https?:/.test(url)) throw new TypeError(`'${url}' is not an address such as 'https://wallet.example'.`);
    if (options.token !== undefined && !/^[\x21-\x7e]+$/.test(options.token)) {
      throw new TypeError('This is not an API token: mw_ and letters, as createApiToken returned it.');
    }
    const hasWebSocket = typeof WebSocket !== 'undefined';
    this.streams = options.streams ?? (hasWebSocket ? 'websocket' : 'sse');
    this.transport = new Transport({
      url: new URL('graphql', url.endsWith('/') ? url : `${url}/`).href,
      token: options.token ?? null,
      session: options.session ?? null,
      onSession: options.onSession ?? (() => {}),
      retries: { ...RETRIES, ...options.retries },
      timeoutSeconds: options.timeoutSeconds ?? 15,
      silenceSeconds: options.silenceSeconds,
      fetch: options.fetch ?? ((...request) => fetch(...request)),
    });
  }

  /** The data of any operation of the API. It is sent once: repeat it where that is safe. */
  execute(document: string, variables: object = {}): Promise<unknown> {
    const operation: Operation<object, unknown> = { name: 'operation', document, parse: (data) => data };
    return this.transport.execute(operation, variables, { isRepeatable: false });
  }

  // ---------------------------------------------- signing in

  /** The session that is used, with its newest tokens. */
  get session(): Session | null {
    return this.transport.session;
  }

  /** Sign in; with SignedIn, everything that follows is done as that user. */
  async login(email: string, password: string): Promise<api.LoginResult> {
    const result = await this.once(api.LOGIN, { input: { email, password } });
    if (result.__typename === 'SignedIn' && result.credentials.refreshToken !== null) {
      const { accessToken, refreshToken } = result.credentials;
      this.transport.useSession({ accessToken, refreshToken });
    }
    return result;
  }

  /** Sign in with the challenge of SecondFactorRequired and a second factor; then as `login`. */
  async completeLogin(challenge: string, secondFactor: api.SecondFactorInput): Promise<api.CompleteLoginResult> {
    const result = await this.once(api.COMPLETE_LOGIN, { input: { challenge, secondFactor } });
    if (result.__typename === 'SignedIn' && result.credentials.refreshToken !== null) {
      const { accessToken, refreshToken } = result.credentials;
      this.transport.useSession({ accessToken, refreshToken });
    }
    return result;
  }

  /** End the session, or all sessions of the user. */
  async logout({ everywhere = false } = {}): Promise<api.LogoutResult> {
    const result = await this.once(api.LOGOUT, { input: { everywhere } });
    if (result.__typename === 'SignedOut') this.transport.useSession(null);
    return result;
  }

  /** Confirm the session for an hour, as creating API tokens and webhooks requires. */
  confirmSession(password: string | null, secondFactor?: api.SecondFactorInput): Promise<api.ConfirmSessionResult> {
    return this.once(api.CONFIRM_SESSION, { input: secondFactor === undefined ? { password } : { secondFactor } });
  }

  /** Close the account, whose balance must be zero. Signing in within 30 days reopens it. */
  async closeAccount(password: string): Promise<api.CloseAccountResult> {
    const result = await this.once(api.CLOSE_ACCOUNT, { input: { password } });
    if (result.__typename === 'AccountClosed') this.transport.useSession(null);
    return result;
  }

  /**
   * Start an export of all data held about the user; a mail to the returned address follows when it is ready. Requires
   * a confirmed session.
   */
  exportData(): Promise<string> {
    return this.transport.execute(api.EXPORT_DATA, {});
  }

  /**
   * The exports that are not deleted yet, the latest first, with the addresses of their files, which are valid for five
   * minutes. Requires a confirmed session.
   */
  dataExports(): Promise<readonly api.DataExport[]> {
    return this.transport.execute(api.DATA_EXPORTS, {});
  }

  /** Create an API token. Its secret is in this answer and nowhere else. */
  createApiToken(
    name: string,
    scopes: readonly api.Scope[],
    { dailyLimit, expiresAt }: { dailyLimit?: Amount; expiresAt?: Date } = {},
  ): Promise<api.CreateApiTokenResult> {
    const limit = dailyLimit === undefined ? null : decimal(dailyLimit);
    const input = { name, scopes, dailyLimit: limit, expiresAt: expiresAt?.toISOString() ?? null };
    return this.once(api.CREATE_API_TOKEN, { input });
  }

  /** Revoke an API token, for ever. */
  revokeApiToken(apiTokenId: string): Promise<api.RevokeApiTokenResult> {
    return this.once(api.REVOKE_API_TOKEN, { input: { apiTokenId } });
  }

  /** What this client is authenticated by, and what that allows; null if by nothing. */
  credential(): Promise<api.Credential | null> {
    return this.transport.execute(api.CREDENTIAL, {});
  }

  // ---------------------------------------------- moving money

  /**
   * Send money, once: a lost answer is asked for again with the same key.
   *
   * A program that can be restarted makes the key itself (`newKey()`, or from what it pays), stores it
   * before this call and gives it again afterwards. Rejects with OutcomeUnknown, which has the key, when
   * no answer came for `giveUpAfterSeconds`.
   *
   * ConfirmationRequired asks a signed-in user for a second factor: call again with the same input, the same
   * `key` and the `confirmation`. If that answer is lost, repeat it with the same confirmation.
   */
  async sendMoney(to: Recipient, amount: Amount, options: SendOptions = {}): Promise<api.SendMoneyResult> {
    const { key = newKey(), note = null, confirmation = null, giveUpAfterSeconds } = options;
    const input = { recipient: recipientInput(to), note, ...common(amount, key, options), confirmation };
    return this.transport.oncePerKey(api.SEND_MONEY, input, { kind: 'TRANSFER', giveUpAfterSeconds });
  }

  /** Add to the user's own balance, once, as `sendMoney` sends once. */
  async addBalance(amount: Amount, options: MoveOptions = {}): Promise<api.AddBalanceResult> {
    const { key = newKey(), giveUpAfterSeconds } = options;
    const input = common(amount, key, options);
    return this.transport.oncePerKey(api.ADD_BALANCE, input, { kind: 'TOP_UP', giveUpAfterSeconds });
  }

  /** Make the outcome of a key final: the transaction it made, or none now and none ever. */
  closeKey(kind: api.TransactionKind, key: string): Promise<api.CloseIdempotencyKeyResult> {
    return this.transport.execute(api.CLOSE_IDEMPOTENCY_KEY, { input: { kind, idempotencyKey: key } });
  }

  /** The fee and the effect of a transfer, without sending it. */
  async previewTransfer(amount: Amount, to?: Recipient): Promise<api.TransferPreviewResult> {
    const recipient = to === undefined ? null : recipientInput(to);
    return this.transport.execute(api.TRANSFER_PREVIEW, { amount: decimal(amount), recipient });
  }

  // ---------------------------------------------- reading

  /** The user's account and balance; null if signed out. */
  viewer(): Promise<api.Viewer | null> {
    return this.transport.execute(api.VIEWER, {});
  }

  /** The service's currency, limits and fee. */
  settings(): Promise<api.WalletSettings> {
    return this.transport.execute(api.WALLET_SETTINGS, {});
  }

  /** What a key has moved so far. Null is not final: see `closeKey`. */
  transactionByKey(kind: api.TransactionKind, key: string): Promise<api.Transaction | null> {
    return this.transport.execute(api.TRANSACTION_BY_IDEMPOTENCY_KEY, { kind, idempotencyKey: key });
  }

  /** The transaction with the reference that both sides share. */
  transactionByReference(reference: string): Promise<api.Transaction | null> {
    return this.transport.execute(api.TRANSACTION_BY_REFERENCE, { reference });
  }

  /** The users that the user exchanged money with, the latest first; at most 100. */
  contacts(first = 100): Promise<readonly api.User[]> {
    return this.transport.execute(api.CONTACTS, { first });
  }

  /** All transactions, or those that match, newest first, fetched page by page. */
  transactions(
    filter: api.TransactionFilter | null = null,
    { pageSize: first = 100 } = {},
  ): AsyncGenerator<api.Transaction, void, undefined> {
    return pages((after) => this.transport.execute(api.TRANSACTIONS, { first, after, filter }));
  }

  /** Users by a part of the name or a complete address, the best match first. */
  searchUsers(query: string, { pageSize: first = 20 } = {}): AsyncGenerator<api.User, void, undefined> {
    return pages((after) => this.transport.execute(api.SEARCH_USERS, { query, first, after }));
  }

  /** The user with that handle, with or without "@", also signed out. */
  userByHandle(handle: string): Promise<api.User | null> {
    return this.transport.execute(api.USER_BY_HANDLE, { handle });
  }

  /** All notifications so far, newest first, fetched page by page, of at most 90. */
  pastNotifications({ unreadOnly = false, pageSize: first = 50 } = {}): AsyncGenerator<api.Notification, void, undefined> {
    return pages((after) => this.transport.execute(api.NOTIFICATION_PAGES, { first, after, unreadOnly }));
  }

  /** Mark all notifications up to that number as read; only as a signed-in user. */
  markNotificationsRead(through: number): Promise<api.MarkNotificationsReadResult> {
    return this.transport.execute(api.MARK_NOTIFICATIONS_READ, { input: { through } });
  }

  // ---------------------------------------------- listening

  /**
   * In which epoch numbers are assigned at present. It changes only when the service is restored to an
   * earlier point in time: store it with the number of the last event, to resume with both.
   */
  epoch(): Promise<string> {
    return this.transport.execute(api.EPOCH, {});
  }

  /**
   * Every change of the wallet after that sequence, each once and in order, for ever.
   *
   * Store the `sequence` of the last event that was processed, and give it to resume, with the `epoch` in
   * which it was assigned. The stream reconnects by itself, however long that takes. Throws ApiError with
   * the reason EPOCH_ENDED if the service was restored to an earlier point in time: read everything again.
   */
  events(options: ListenOptions = {}): AsyncGenerator<api.AnyWalletEvent, void, undefined> {
    const latest = () => this.transport.execute(api.SEQUENCE, {});
    return this.listen(api.WALLET_EVENTS, (event) => event.sequence, latest, options);
  }

  /** Every notification after that number, as `events` gives every event after a sequence. */
  notifications(options: ListenOptions = {}): AsyncGenerator<api.Notification, void, undefined> {
    const latest = async () => {
      const page = await this.transport.execute(api.NOTIFICATION_PAGES, { first: 1 });
      return page.nodes[0]?.number ?? 0;
    };
    return this.listen(api.NOTIFICATIONS, (one) => one.number, latest, options);
  }

  // ---------------------------------------------- webhooks

  /** The webhooks of the user, or of the API token. */
  webhooks(): Promise<readonly api.Webhook[]> {
    return this.transport.execute(api.WEBHOOKS, {});
  }

  /**
   * Have every event after a number delivered to the address, each in order; by default, future ones.
   *
   * The signing secret is in this answer and nowhere else. Without a document of its own, the webhook
   * delivers what `walletEvent` and `notification` read.
   */
  createWebhook(
    url: string,
    { stream = 'WALLET_EVENTS', after, document = documentOf(stream) }: CreateWebhookOptions = {},
  ): Promise<api.CreateWebhookResult> {
    const input = { url, stream, document, afterNumber: after ?? null };
    return this.once(api.CREATE_WEBHOOK, { input });
  }

  /** Change what is given; ACTIVE continues a paused or disabled webhook where it stopped. */
  updateWebhook(
    webhookId: string,
    changes: { url?: string; document?: string; status?: api.WebhookStatus },
  ): Promise<api.UpdateWebhookResult> {
    return this.transport.execute(api.UPDATE_WEBHOOK, { input: { webhookId, ...changes } });
  }

  /** Delete a webhook. */
  deleteWebhook(webhookId: string): Promise<api.DeleteWebhookResult> {
    return this.once(api.DELETE_WEBHOOK, { input: { webhookId } });
  }

  /** Deliver all events after that number again, beginning now. */
  replayWebhook(webhookId: string, after: number): Promise<api.UpdateWebhookResult> {
    return this.transport.execute(api.REPLAY_WEBHOOK, { input: { webhookId, afterNumber: after } });
  }

  /** Have a new secret sign, and the old one too for as long as `overlapSeconds`. */
  rotateWebhookSecret(webhookId: string, { overlapSeconds = 86_400 } = {}): Promise<api.RotateWebhookSecretResult> {
    return this.once(api.ROTATE_WEBHOOK_SECRET, { input: { webhookId, overlapSeconds } });
  }

  /** The request of the latest event; `send` sends it at once, outside the ordered stream. */
  testWebhook(webhookId: string, { send = false } = {}): Promise<api.TestWebhookResult> {
    return this.once(api.TEST_WEBHOOK, { input: { webhookId, send } });
  }

  private async *listen<Event>(
    operation: Operation<{ after?: number | null; epoch?: string | null }, Event>,
    numberOf: (event: Event) => number,
    latest: () => Promise<number>,
    { after, epoch, signal, onInterruption = warn }: ListenOptions,
  ): AsyncGenerator<Event, void, undefined> {
    const position =
      after === undefined
        ? { epoch: await this.epoch(), after: await latest() }
        : { epoch: epoch ?? null, after };
    yield* events(this.transport, operation, numberOf, position, { over: this.streams, signal, onInterruption });
  }
}

function warn(error: WalletError): void {
  console.warn(`The stream of events is interrupted: ${error.message}`);
}

function common(amount: Amount, key: string, { metadata, notAfter }: MoveOptions) {
  return {
    amount: decimal(amount),
    idempotencyKey: key,
    metadata: entries(metadata),
    notAfter: notAfter?.toISOString() ?? null,
  };
}
