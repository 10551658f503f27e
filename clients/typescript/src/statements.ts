/** Account statements, their files, and what they consist of. */

import * as api from './generated.js';
import { TopUps } from './topUps.js';

/** Statements of one wallet. Dates are strings such as `2026-12-31`. */
export abstract class Statements extends TopUps {
  /**
   * The account statement of these days, both inclusive, in the user's time zone.
   *
   * `download` of the statement is the address of its file in that format, for five minutes.
   */
  statement(from: string, to: string, format: api.StatementFormat = 'PDF'): Promise<api.StatementResult> {
    return this.transport.execute(api.STATEMENT, { from, to, format });
  }

  /** The figures of the statement of these days, by month, by day and by person. */
  insights(from: string, to: string, { people = 10 } = {}): Promise<api.InsightsResult> {
    return this.transport.execute(api.INSIGHTS, { from, to, people });
  }

  /**
   * The content of the statement's file, as it arrives: `writeFile` of Node takes it as it is.
   *
   * Reading it fails where it is cut off; then call this again. Rejects with WalletError: after five
   * minutes, read the statement again.
   */
  download(statement: api.Statement): Promise<ReadableStream<Uint8Array>> {
    return this.transport.download(statement.download);
  }
}
