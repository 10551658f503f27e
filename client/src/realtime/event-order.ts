/** Merges the events of several transports into one ordered stream without duplicates. */

/** Events are numbered 1, 2, 3 … without a gap. */
export interface Sequenced {
  sequence: number;
}

export interface OrderParts<Event extends Sequenced> {
  /** All events after that number, in order; null if there are too many to catch up with. */
  readAfter(sequence: number): Promise<Event[] | null>;
  deliver(event: Event): void;
  /** Too many events were missed: load the wallet again. */
  startOver(): void;
  delay(milliseconds: number): Promise<void>;
}

const MOST_WAITING = 500;
const PAUSES_MILLISECONDS = [500, 1_000, 2_000, 5_000];

export class EventOrder<Event extends Sequenced> {
  private readonly waiting = new Map<number, Event>();
  private reading: Promise<void> | null = null;
  private readAgain = false;
  private stopped = false;

  /** `last` is the newest known number. */
  constructor(
    public last: number,
    private readonly parts: OrderParts<Event>,
  ) {}

  /** An event from a transport: already known, the next one, or after a gap. */
  offer(event: Event): void {
    if (this.stopped || event.sequence <= this.last) return;
    if (event.sequence === this.last + 1) {
      this.pass(event);
      return;
    }
    if (this.waiting.size < MOST_WAITING) this.waiting.set(event.sequence, event);
    void this.catchUp();
  }

  /** The newest number on the service. */
  noteNewest(sequence: number): void {
    if (sequence > this.last) void this.catchUp();
  }

  /** Reads the events after the last known one; resolves once there is no gap. */
  catchUp(): Promise<void> {
    this.readAgain = true;
    this.reading ??= this.read().finally(() => {
      this.reading = null;
    });
    return this.reading;
  }

  stop(): void {
    this.stopped = true;
  }

  private pass(event: Event): void {
    let next: Event | undefined = event;
    while (next) {
      this.last = next.sequence;
      this.waiting.delete(next.sequence);
      this.parts.deliver(next);
      next = this.waiting.get(this.last + 1);
    }
    for (const sequence of this.waiting.keys()) {
      if (sequence <= this.last) this.waiting.delete(sequence);
    }
  }

  private async read(): Promise<void> {
    let failures = 0;
    while (this.readAgain && !this.stopped) {
      this.readAgain = false;
      try {
        const missed = await this.parts.readAfter(this.last);
        if (this.isStopped()) return;
        if (!missed) {
          this.stop();
          this.parts.startOver();
          return;
        }
        failures = 0;
        for (const event of missed) {
          if (event.sequence === this.last + 1) this.pass(event);
        }
        // Still a gap: the response is older than the newest event.
        if (this.waiting.size > 0) this.readAgain = true;
        if (this.readAgain) await this.parts.delay(100);
      } catch {
        this.readAgain = true;
        const pause = PAUSES_MILLISECONDS[Math.min(failures, PAUSES_MILLISECONDS.length - 1)] ?? 0;
        failures += 1;
        await this.parts.delay(pause);
      }
    }
  }

  private isStopped(): boolean {
    return this.stopped;
  }
}
