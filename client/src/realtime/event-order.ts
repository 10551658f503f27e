/** Merges the events of several transports into one ordered stream without duplicates. */

export interface OrderParts<Event> {
  /** Events are numbered 1, 2, 3 … without a gap. */
  numberOf(event: Event): number;
  /** All events after that number, in order; null if there are too many to catch up with. */
  readAfter(number: number): Promise<Event[] | null>;
  deliver(event: Event): void;
  /** Too many events were missed: load everything again. */
  startOver(): void;
  delay(milliseconds: number): Promise<void>;
}

const MOST_WAITING = 500;
const PAUSES_MILLISECONDS = [500, 1_000, 2_000, 5_000];

export class EventOrder<Event> {
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
    const number = this.parts.numberOf(event);
    if (this.stopped || number <= this.last) return;
    if (number === this.last + 1) {
      this.pass(event);
      return;
    }
    if (this.waiting.size < MOST_WAITING) this.waiting.set(number, event);
    void this.catchUp();
  }

  /** The newest number on the service. */
  noteNewest(number: number): void {
    if (number > this.last) void this.catchUp();
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
      this.last = this.parts.numberOf(next);
      this.waiting.delete(this.last);
      this.parts.deliver(next);
      next = this.waiting.get(this.last + 1);
    }
    for (const number of this.waiting.keys()) {
      if (number <= this.last) this.waiting.delete(number);
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
          if (this.parts.numberOf(event) === this.last + 1) this.pass(event);
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
