/** Tells the other tabs of this browser which notifications have been read. */

const NAME = 'mini-wallet.notifications';

interface Read {
  userId: string;
  through: number;
}

export interface ReadChannel {
  post(through: number): void;
  close(): void;
}

/** Null where BroadcastChannel is missing or blocked: those tabs ask the service when they are looked at again. */
export function openReadChannel(userId: string, onRead: (through: number) => void): ReadChannel | null {
  try {
    const channel = new BroadcastChannel(NAME);
    channel.onmessage = ({ data }: MessageEvent<Read>) => {
      if (data.userId === userId) onRead(data.through);
    };
    return {
      post: (through) => channel.postMessage({ userId, through } satisfies Read),
      close: () => channel.close(),
    };
  } catch {
    return null;
  }
}
