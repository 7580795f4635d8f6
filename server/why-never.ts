/** Why a command could never run where the scheduler starts runners. */
import type { SchedulerGroup } from '../core/scheduler-groups.ts';

export interface There {
  readonly memoryMb: number;
  readonly cpus: number;
  /** Units of a counted resource. */
  readonly units: (name: string) => number;
}

/** What is asked for and what there is, of that of which there is less; '': there is enough of all. */
export function whyNever(
  { memoryMb, cpus, resources }: Pick<SchedulerGroup, 'memoryMb' | 'cpus' | 'resources'>,
  there: There,
): string {
  const faults: string[] = [];
  if (memoryMb > there.memoryMb)
    faults.push(`${memoryMb} MB of memory were asked for, and there are ${there.memoryMb} MB`);
  if (Math.ceil(cpus) > there.cpus) faults.push(`${cpus} cores were asked for, and there are ${there.cpus}`);
  for (const [name, units] of Object.entries(resources)) {
    if (units > there.units(name))
      faults.push(
        `${name}:${units} was asked for, and there is ${name}:${there.units(name)} (wr manager start --resources)`,
      );
  }
  return faults.join('; ');
}
