import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A network between a gateway and its database that can fail. */
export interface Proxy extends AsyncDisposable {
  /** The database's URL, by way of this. */
  readonly url: string
  /** Every connection breaks, and no new one is made until `restore`. */
  cut(): Promise<void>
  restore(): Promise<void>
}

export async function proxyTo(url: string): Promise<Proxy> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }
  let port = 0
  let server: Server | null = null
  const restore = async () => {
    server = createServer((near) => {
      const far = connect(Number(target.port || 5432), target.hostname)
      keep(near)
      keep(far)
      near.pipe(far).on('close', () => near.destroy())
      far.pipe(near).on('close', () => far.destroy())
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
  await restore()
  const through = new URL(url)
  through.host = `127.0.0.1:${port}`
  return { url: through.href, cut, restore, [Symbol.asyncDispose]: cut }
}
