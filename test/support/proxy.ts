import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A network between a gateway and its database that can fail. */
export interface Proxy extends AsyncDisposable {
  /** The database's URL, by way of this. */
  readonly url: string
  /** Every connection breaks, and no new one is made until `restore`. */
  cut(): Promise<void>
  restore(): Promise<void>
  /** Connections stay, and nothing passes any more until `resume`. */
  hang(): void
  resume(): void
  /** From now on each answer of the database takes this much longer, in milliseconds. */
  slow(ms: number): void
}

export async function proxyTo(url: string): Promise<Proxy> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let isHanging = false
  let delayMs = 0
  const keep = (socket: Socket) => {
    sockets.add(socket)
    if (isHanging) socket.pause()
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }
  let port = 0
  let server: Server | null = null
  const restore = async () => {
    server = createServer((near) => {
      const far = connect(Number(target.port || 5432), target.hostname)
      keep(near)
      keep(far)
      // Not by `pipe`, which resumes what is paused.
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from
          .on('data', (chunk: Buffer) => {
            if (delayMs === 0 || from === near) to.write(chunk)
            else setTimeout(() => to.write(chunk), delayMs)
          })
          .on('close', () => to.destroy())
        if (isHanging) from.pause()
      }
    }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }
  const cut = async () => {
    if (!server) return
    const closed = once(server, 'close')
    server.close()
    server = null
    for (const socket of sockets) socket.destroy()
    await closed
  }
  const setHanging = (value: boolean) => {
    isHanging = value
    for (const socket of sockets)
      if (value) socket.pause()
      else socket.resume()
  }
  await restore()
  const through = new URL(url)
  through.host = `127.0.0.1:${port}`
  return {
    url: through.href,
    cut,
    restore,
    hang: () => setHanging(true),
    resume: () => setHanging(false),
    slow: (ms) => {
      delayMs = ms
    },
    [Symbol.asyncDispose]: cut,
  }
}
