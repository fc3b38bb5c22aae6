import { setTimeout as delay } from 'node:timers/promises'

const TRIES = 6
const FIRST_WAIT_MS = 10

/**
 * Does `work` again while it fails for no reason but that others were at work at the same time. The waits grow,
 * and differ, so that those who collided once do not go on colliding.
 */
export async function retrying<T>(isCollision: (error: unknown) => boolean, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (tries >= TRIES || !isCollision(error)) throw error
      await delay(FIRST_WAIT_MS * 2 ** (tries - 1) * (0.5 + Math.random()))
    }
  }
}

export function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : ''
  return typeof code === 'string' ? code : ''
}
