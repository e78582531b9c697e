case $(cat mode) in
hang) sleep 60 & wait;;
fail) echo 'FATA no runtime' >&2; exit 1;;
garbage) echo 'Segmentation what?';;
flood) head -c 30000000 /dev/zero;;
*) cat images.json;;
esac
