import type { Command } from 'commander'
import { installNatsServer, natsVersion, officialReleases } from '../nats-install.js'
import { cacheDirectory } from '../nats-server.js'
import { print, say } from '../print.js'

interface InstallCommandOptions {
  readonly from: string
  readonly sha256?: string
  readonly json?: true
}

/** Adds `tumen nats install`. */
export const addNats = (program: Command): void => {
  program
    .command('nats')
    .description('manage the nats-server that tumen up starts')
    .command('install')
    .description(
      `fetch nats-server ${natsVersion} into the cache (${cacheDirectory()}), checked by its SHA-256`,
    )
    .option('--from <url>', 'where releases are', officialReleases)
    .option('--sha256 <hex>', 'the checksum to expect instead of the pinned one, for an archive of your own')
    .option('--json', 'one line of JSON instead of text')
    .action(async ({ from, sha256, json }: InstallCommandOptions) => {
      if (!json) say(`Fetching nats-server ${natsVersion} from ${from}`)
      const directory = cacheDirectory()
      const installed = await installNatsServer({
        from,
        directory,
        ...(sha256 === undefined ? {} : { sha256 }),
      })
      print(json ? JSON.stringify(installed) : `Installed ${installed.path}`)
    })
}
