import { RateLimiterMemory } from 'rate-limiter-flexible'

/** What was used within the present window, this time included, and how long the window still lasts. */
export interface Used {
  used: number
  msLeft: number
}

/** Counts what is used within windows of time. What is too much is for the caller to say, who may say so of each key. */
export interface Counter {
  add(key: string, amount: number): Promise<Used>
}

/** Each instance of the gateway counts for itself. */
export function memoryCounter(windowSeconds: number): Counter {
  // It never refuses by itself: its limit would be the same for every key.
  const limiter = new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration: windowSeconds })
  return {
    async add(key, amount) {
      const { consumedPoints, msBeforeNext } = await limiter.consume(key, amount)
      return { used: consumedPoints, msLeft: msBeforeNext }
    },
  }
}
