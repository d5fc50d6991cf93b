/** The heap of this process after everything that nobody holds was collected. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const collect = (): void => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  for (let i = 0; i < 5; i++) gc()
}

export const heapBytesNow = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}
