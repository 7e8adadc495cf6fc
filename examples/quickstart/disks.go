// The machine's own disks: how large and how full each one is.
package inner

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"syscall"
)

type Disk struct {
	Folder    string  `json:"folder"`
	Kind      string  `json:"kind"`
	Gigabytes float64 `json:"gigabytes"`
	Full      int     `json:"percent_full"`
}

func main(mounts string) ([]Disk, error) {
	text, err := os.ReadFile(mounts)
	if err != nil {
		return nil, err
	}
	largest := map[string]Disk{}
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) < 3 || strings.HasSuffix(words[2], "tmpfs") {
			continue // no disk
		}
		var found syscall.Statfs_t
		if syscall.Statfs(words[1], &found) != nil || found.Blocks == 0 {
			continue
		}
		size := float64(found.Blocks) * float64(found.Bsize)
		disk := Disk{words[1], words[2], round(size / 1e9), int(100 * (found.Blocks - found.Bfree) / found.Blocks)}
		// A disk that is mounted several times counts once, under its shortest name.
		key := fmt.Sprint(words[0], size)
		if old, seen := largest[key]; !seen || len(disk.Folder) < len(old.Folder) {
			largest[key] = disk
		}
	}
	disks := []Disk{}
	for _, disk := range largest {
		disks = append(disks, disk)
	}
	sort.Slice(disks, func(i, j int) bool {
		if disks[i].Gigabytes != disks[j].Gigabytes {
			return disks[i].Gigabytes > disks[j].Gigabytes
		}
		return disks[i].Folder < disks[j].Folder
	})
	for _, disk := range disks {
		fmt.Printf("%-16s %-8s %8.1f GB %3d %% full\n", disk.Folder, disk.Kind, disk.Gigabytes, disk.Full)
	}
	return disks, nil
}

func round(gigabytes float64) float64 {
	return float64(int(gigabytes*10+0.5)) / 10
}
