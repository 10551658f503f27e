import { describe, expect, it, vi } from 'vitest';
import { EventOrder } from './event-order';

interface Numbered {
  sequence: number;
}

const numbered = (...sequences: number[]): Numbered[] => sequences.map((sequence) => ({ sequence }));

function orderAfter(last: number, readAfter: (sequence: number) => Promise<Numbered[] | null>) {
  const delivered: number[] = [];
  const startOver = vi.fn();
  const order = new EventOrder<Numbered>(last, {
    numberOf: ({ sequence }) => sequence,
    readAfter,
    deliver: ({ sequence }) => delivered.push(sequence),
    startOver,
    delay: () => Promise.resolve(),
  });
  const offer = (...sequences: number[]) => numbered(...sequences).forEach((event) => order.offer(event));
  return { order, offer, delivered, startOver };
}

const nothing = () => Promise.resolve([]);

describe('EventOrder', () => {
  it('delivers what comes in order at once', () => {
    const { offer, delivered } = orderAfter(0, nothing);
    offer(1, 2, 3);
    expect(delivered).toEqual([1, 2, 3]);
  });

  it('drops what another transport brought already', () => {
    const { offer, delivered } = orderAfter(4, nothing);
    offer(4, 5, 5, 3, 6, 5);
    expect(delivered).toEqual([5, 6]);
  });

  it('reads the missing events and then continues with what waited', async () => {
    const readAfter = vi.fn(() => Promise.resolve(numbered(2, 3)));
    const { order, offer, delivered } = orderAfter(1, readAfter);
    offer(4);
    await order.catchUp();
    expect(readAfter).toHaveBeenCalledWith(1);
    expect(delivered).toEqual([2, 3, 4]);
  });

  it('does without the reading where the missing one arrives late', async () => {
    const { order, offer, delivered } = orderAfter(0, () => Promise.resolve(numbered(1, 2)));
    offer(2);
    offer(1);
    await order.catchUp();
    expect(delivered).toEqual([1, 2]);
  });

  it('reads again where the first reading was older than what came', async () => {
    const answers = [numbered(1), numbered(2, 3)];
    const { order, offer, delivered } = orderAfter(0, () => Promise.resolve(answers.shift() ?? []));
    offer(3);
    await order.catchUp();
    expect(delivered).toEqual([1, 2, 3]);
  });

  it('tries again when reading fails', async () => {
    let failures = 2;
    const { order, offer, delivered } = orderAfter(0, () =>
      failures-- > 0 ? Promise.reject(new Error('away')) : Promise.resolve(numbered(1, 2)),
    );
    offer(2);
    await order.catchUp();
    expect(delivered).toEqual([1, 2]);
  });

  it('starts over where too much was missed', async () => {
    const { order, startOver, offer, delivered } = orderAfter(0, () => Promise.resolve(null));
    await order.catchUp();
    expect(startOver).toHaveBeenCalledOnce();
    offer(1);
    expect(delivered).toEqual([]);
  });

  it('delivers every number once, in whatever order two transports bring them', async () => {
    const all = numbered(...Array.from({ length: 40 }, (_, index) => index + 1));
    const { order, delivered } = orderAfter(0, (sequence) => Promise.resolve(all.slice(sequence)));
    const shuffled = [...all, ...all].sort(({ sequence: one }, { sequence: other }) => ((one * 17) % 23) - ((other * 5) % 19));
    shuffled.forEach((event) => order.offer(event));
    await order.catchUp();
    expect(delivered).toEqual(all.map(({ sequence }) => sequence));
  });
});
