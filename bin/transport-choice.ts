/** Which NATS server `tumen up` uses: the one it is given, one it starts, or none and memory instead. */
import { Plain } from './plain.js'
import { findNatsServer, type RunningNats, startNatsServer } from './nats-server.js'

export type Choice =
  | { readonly transport: 'nats'; readonly url: string; readonly server: RunningNats | undefined }
  | { readonly transport: 'memory'; readonly url: null; readonly server: undefined }

export interface ChoiceOptions {
  readonly nats?: string | undefined
  readonly memory?: true | undefined
}

/** Decides, starts a server where it must, and says what it did. */
export const chooseTransport = async (
  options: ChoiceOptions,
  say: (line: string) => void,
  find: () => string | undefined = findNatsServer,
): Promise<Choice> => {
  if (options.memory && options.nats !== undefined) throw new Plain('Choose one of --nats and --memory.', 2)
  const url = options.nats ?? process.env['TUMEN_NATS_URL']
  if (options.memory) return { transport: 'memory', url: null, server: undefined }
  if (url !== undefined) return { transport: 'nats', url, server: undefined }
  const path = find()
  if (path === undefined) {
    say(
      'There is no nats-server on the PATH, in the system’s directories or in the cache: ' +
        'all nodes run in this process, on memory. tumen nats install fetches one; ' +
        'on Debian and Ubuntu: apt-get install nats-server.',
    )
    return { transport: 'memory', url: null, server: undefined }
  }
  const server = await startNatsServer(path)
  say(`Started ${path} at ${server.url} (process ${server.pid}).`)
  return { transport: 'nats', url: server.url, server }
}
