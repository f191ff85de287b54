using System;
using System.Threading.Tasks;

class Backup
{
    static int Main(string[] args)
    {
        using (var restorer = new Wmlb.Restorer { StorePath = args[0], BackupPath = args[1] })
        {
            restorer.StatusChanged += (_, told) => Console.WriteLine(told.Status);
            restorer.StatusChanged += (_, told) => told.Cancel = args.Length > 2;
            Task task = restorer.BackupAsync();
            return task.ContinueWith(ended => ended.IsCanceled ? 1 : 0).Result;
        }
    }
}
