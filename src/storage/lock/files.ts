/** The file system calls that locks are made of, as one object, so that tests can fail or end a taker at each. */
import * as fs from 'node:fs'

export type LockFiles = Pick<
  typeof fs,
  | 'closeSync'
  | 'fstatSync'
  | 'fsyncSync'
  | 'lstatSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readSync'
  | 'readdirSync'
  | 'renameSync'
  | 'rmdirSync'
  | 'statSync'
  | 'statfsSync'
  | 'unlinkSync'
  | 'utimesSync'
  | 'writeSync'
>

export const systemFiles: LockFiles = fs
